"""Histories of a topic, and the oracle: what a read of it must return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from spark_kafka_testkit._model.offsets import Coverage

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Out:
    """A record that a producer sends."""

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


@dataclass(frozen=True)
class Send:
    """Records that one producer sends and flushes together.

    Attributes:
        producer: the number of a transactional producer, which sends them in its open
            transaction and begins one if there is none. None for the plain producer.
        records: the records.
    """

    producer: int | None
    records: tuple[Out, ...]


@dataclass(frozen=True)
class End:
    """The end of a producer's transaction."""

    producer: int
    commit: bool


@dataclass(frozen=True)
class Delete:
    """A DeleteRecords request.

    Attributes:
        partition: the partition.
        tenths: how many tenths of the offsets that it holds are deleted.
    """

    partition: int
    tenths: int


@dataclass(frozen=True)
class Grow:
    """The addition of one partition."""


Operation: TypeAlias = Send | End | Delete | Grow


@dataclass(frozen=True)
class History:
    """What happens to a topic around a read.

    Attributes:
        partitions: how many it has at first.
        before: what happens before the read captures its ranges.
        during: what happens between that and its first fetch.
        allow_deleted: see `ReadRequest`.
    """

    partitions: int
    before: tuple[Operation, ...]
    during: tuple[Operation, ...]
    allow_deleted: bool = False


@dataclass
class Transaction:
    """A transaction of a producer."""

    producer: int
    state: str = "open"


@dataclass
class Entry:
    """A record in the log, at the offset that the broker acknowledged."""

    offset: int
    out: Out
    transaction: Transaction | None

    @property
    def is_committed(self) -> bool:
        return self.transaction is None or self.transaction.state == "committed"

    @property
    def is_open(self) -> bool:
        return self.transaction is not None and self.transaction.state == "open"


@dataclass
class Partition:
    """What the oracle knows about a partition."""

    beginning: int = 0
    log: list[Entry] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """The offset after the last acknowledged record. Markers may follow."""
        return self.log[-1].offset + 1 if self.log else 0

    def stable(self, end: int) -> int:
        """The last stable offset, given the end offset."""
        held = [entry.offset for entry in self.log if entry.is_open]
        return max(self.beginning, min(held, default=end))


@dataclass(frozen=True)
class Expected:
    """What a read of a partition must return, within the range that it captured."""

    entries: tuple[Entry, ...]
    truncated: int

    def coverage(self, beginning: int, target: int) -> Coverage:
        count = len(self.entries)
        return Coverage(
            beginning,
            target,
            count,
            self.entries[-1].offset if self.entries else None,
            invisible=target - beginning - count - self.truncated,
            truncated=self.truncated,
        )


def expected(
    partition: Partition, beginning: int, target: int, isolation: str
) -> Expected:
    """The records of [beginning, target) that exist after the whole history.

    They are those that the isolation level lets a reader see.
    """
    entries = tuple(
        entry
        for entry in partition.log
        if max(beginning, partition.beginning) <= entry.offset < target
        and (isolation == "read_uncommitted" or entry.is_committed)
    )
    return Expected(entries, max(0, min(partition.beginning, target) - beginning))
