"""How records get in and out of a cluster: the protocol, what goes over it, and the
choice between the two clients.

Both clients take and give the Arrow batches of `records`, raise the classes of
`errors`, and read by the same rules (`tests/contract` runs over both).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from spark_kafka_testkit.errors import SendError, SendFailure

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Client", "Coverage", "Isolation", "Readback", "SendReport", "Written"]

Isolation = Literal["read_committed", "read_uncommitted"]


@dataclass(frozen=True)
class Written:
    """What a send wrote to one partition: how many records, and the first and last of
    their offsets.
    """

    count: int
    first: int
    last: int


@dataclass(frozen=True)
class SendReport:
    """The account of one send: acked + failed + unknown = sent."""

    sent: int
    acked: int
    failed: int
    unknown: int
    failures: tuple[SendFailure, ...]
    written: dict[int, Written]

    def raise_unless_complete(self, topic: str) -> None:
        """Raises a SendError where a record was not acknowledged."""
        if self.acked != self.sent:
            raise SendError(
                topic, self.sent, self.acked, self.failed, self.unknown, self.failures
            )


@dataclass(frozen=True)
class Coverage:
    """What a read covered of one partition: all of [beginning, target).

    Attributes:
        beginning, target: offsets, captured when the read began; the target is the high
            watermark.
        count: the records it found.
        last: the offset of the last of them, or None.
        invisible: offsets without a record: transaction markers, aborted records, what
            compaction removed.
    """

    beginning: int
    target: int
    count: int
    last: int | None
    invisible: int


@dataclass(frozen=True)
class Readback:
    """A topic's records, a table of `records.read_schema()`, per partition by offset;
    and what they cover.
    """

    table: pa.Table
    coverage: dict[int, Coverage]


class Client(Protocol):
    """A client of one cluster."""

    name: str
    """`"jvm"` or `"kafka-python"`."""

    def send(self, topic: str, batches: Iterable[pa.RecordBatch]) -> SendReport:
        """Sends all rows and waits until each is acknowledged or given up.

        Raises:
            UnknownTopicError: the topic does not exist and the broker makes none.
        """

    def read(self, topic: str, isolation: Isolation, stall_seconds: float) -> Readback:
        """Reads the whole topic, up to the end offsets at the moment of the call.

        Raises:
            UnknownTopicError: the topic does not exist; it is not created.
            ReadTimeoutError: no progress for `stall_seconds`.
            ReadError: the range can't be had any more.
        """

    def close(self) -> None:
        """Closes what is open; a second call does nothing."""
