"""Offsets: those of a topic, which of them to read, and how far a read is.

What "up to its end" means is defined here once, for both clients. A client captures the
offsets of a topic, `ReadRequest.ranges` turns them into a range for each partition, and
the client reads exactly these ranges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, TypeAlias

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._text import shown
from spark_kafka_testkit.errors import (
    OffsetRangeError,
    RecordsDeletedError,
    TopicChangedError,
)

__all__ = [
    "Bound",
    "Coverage",
    "Isolation",
    "Mark",
    "PartitionOffsets",
    "Progress",
    "Range",
    "ReadRequest",
    "TopicSnapshot",
    "UpTo",
    "to_millis",
]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)

Isolation = Literal["read_committed", "read_uncommitted"]
UpTo = Literal["end", "stable"]


@dataclass(frozen=True)
class PartitionOffsets:
    """The offsets of a partition.

    Attributes:
        beginning: the first offset that still exists.
        end: the high watermark, which is the offset after the last one that consumers
            may see.
        stable: the last stable offset, at which the oldest open transaction begins.
            Without one it equals `end`.
    """

    beginning: int
    end: int
    stable: int

    @classmethod
    def of(cls, beginning: int, end: int, stable: int) -> PartitionOffsets:
        """The offsets that a broker reports, made consistent.

        The stable offset is requested last, so it may have moved past the end. It also
        stays where it is when the records above it are deleted.
        """
        return cls(beginning, end, max(beginning, min(stable, end)))


@dataclass(frozen=True)
class Mark:
    """A point in the life of a topic. What is read since then lies at or after it.

    Attributes:
        topic: its name.
        offsets: the end offset of each partition at that moment. A partition that is
            added later is read from its beginning.
        topic_id: an id that distinguishes the topic from a later one of the same name,
            or `None` if the broker does not give ids to topics.
    """

    topic: str
    offsets: Mapping[int, int]
    topic_id: str | None = field(default=None, repr=False)


Bound: TypeAlias = Literal["earliest", "latest"] | int | datetime | Mapping[int, int]
"""Where a read starts or ends.

It is `"earliest"`, `"latest"`, a time, or a dict with an offset for each partition. A
time is a `datetime` or milliseconds since the epoch, and stands for the first record at
or after it.
"""


@dataclass(frozen=True)
class TopicSnapshot:
    """The offsets of a topic at one moment.

    Attributes:
        topic_id: see `Mark.topic_id`.
        partitions: the offsets of each partition.
        times: for each requested time (milliseconds since the epoch), the first offset
            in each partition with a record at or after it, or the end offset if there
            is none.
    """

    topic_id: str | None
    partitions: dict[int, PartitionOffsets]
    times: dict[int, dict[int, int]]


@dataclass(frozen=True)
class Range:
    """The part of a partition to read: [start, target).

    Attributes:
        start, target: offsets.
        truncated: the number of offsets before `start` that were requested too, but
            whose records had been deleted.
    """

    start: int
    target: int
    truncated: int = 0


@dataclass(frozen=True)
class ReadRequest:
    """What to read from a topic.

    Attributes:
        topic: its name.
        start, end: see `Bound`. `end` is exclusive. A partition that a mapping leaves
            out counts as earliest (`start`) or latest (`end`). One that a `Mark` leaves
            out was added later, and counts as earliest.
        partitions: the partitions to read, or `None` for all of them.
        isolation: `read_committed` leaves out aborted records and waits for open
            transactions.
        upto: `"end"`, the high watermark, or `"stable"`, the last stable offset, which
            is where the oldest open transaction begins.
        allow_deleted: whether to read on, instead of raising an error, where records of
            the range were deleted.
        stall_seconds: how long the read may go without progress.
    """

    topic: str
    start: Bound | Mark = "earliest"
    end: Bound | Mark = "latest"
    partitions: Sequence[int] | None = None
    isolation: Isolation = "read_committed"
    upto: UpTo = "end"
    allow_deleted: bool = False
    stall_seconds: float = 60.0

    def times(self) -> list[int]:
        """The times, in milliseconds, whose offsets `ranges` needs."""
        return [
            bound
            for bound in (self.start, self.end)
            if isinstance(bound, int) and not isinstance(bound, bool)
        ]

    def ranges(self, captured: TopicSnapshot) -> dict[int, Range]:
        """The range of each partition to read.

        Raises:
            OffsetRangeError: (a ValueError) a partition that does not exist, or an
                offset past the end.
            RecordsDeletedError: the range begins before the first remaining record.
            TopicChangedError: the topic is not the one of the mark, but another of that
                name.
        """
        wanted = self.partitions
        if wanted is None:
            wanted = sorted(captured.partitions)
        self._check_partitions(wanted, captured)
        for bound in (self.start, self.end):
            if isinstance(bound, Mark):
                self._check_same(bound, captured)
            elif isinstance(bound, Mapping):
                self._check_partitions(bound, captured)
        return {number: self._range(number, captured) for number in wanted}

    def _check_same(self, mark: Mark, captured: TopicSnapshot) -> None:
        if mark.topic_id and captured.topic_id and mark.topic_id != captured.topic_id:
            raise TopicChangedError(self.topic, "recreated", "since the mark was taken")

    def _check_partitions(self, asked: Any, captured: TopicSnapshot) -> None:
        for number in asked:
            if number not in captured.partitions:
                raise OffsetRangeError(
                    self.topic, number, None, _shown(captured.partitions)
                )

    def _range(self, number: int, captured: TopicSnapshot) -> Range:
        at = captured.partitions[number]
        start = self._offset(self.start, "earliest", number, captured)
        target = self._offset(self.end, "latest", number, captured)
        target = min(target, at.stable if self.upto == "stable" else at.end)
        truncated = min(at.beginning, target) - start
        if truncated > 0:
            if not self.allow_deleted:
                raise RecordsDeletedError(
                    self.topic, number, start, min(at.beginning, target), "before"
                )
            return Range(start + truncated, target, truncated)
        return Range(start, target)

    def _offset(
        self, bound: Bound | Mark, default: str, number: int, captured: TopicSnapshot
    ) -> int:
        at = captured.partitions[number]
        if isinstance(bound, int):
            return captured.times[bound][number]
        if isinstance(bound, Mark):
            bound, default = bound.offsets, "earliest"
        if isinstance(bound, Mapping) and number in bound:
            offset = bound[number]
            if not 0 <= offset <= at.end:
                raise OffsetRangeError(
                    self.topic, number, offset, f"{at.beginning} up to {at.end}"
                )
            return offset
        name = bound if isinstance(bound, str) else default
        return at.beginning if name == "earliest" else at.end


def _shown(partitions: Mapping[int, object]) -> str:
    last = max(partitions, default=-1)
    return f"0 to {last}" if last > 0 else "only partition 0" if last == 0 else "none"


@dataclass(frozen=True)
class Coverage:
    """What a read covered of one partition: all of [beginning, target).

    Attributes:
        beginning, target: offsets, captured when the read began.
        count: the number of records it found.
        last: the offset of the last of them, or None.
        invisible: the number of offsets without a record: transaction markers, aborted
            records, and what compaction removed.
        truncated: the number of offsets in the range whose records were deleted before
            they could be read. Always 0 unless the read allows that.
    """

    beginning: int
    target: int
    count: int
    last: int | None
    invisible: int
    truncated: int = 0


class Progress:
    """How far the read of one partition has come in its range.

    The twin of `Progress.scala`.
    """

    def __init__(self, wanted: Range) -> None:
        self.position = wanted.start
        self.target = wanted.target
        self._beginning = wanted.start - wanted.truncated
        self._truncated = wanted.truncated
        self._count = 0
        self._last: int | None = None

    @property
    def is_done(self) -> bool:
        return self.position >= self.target

    def accept(self, offset: int) -> bool:
        """Count a record, or return False if it is past the target.

        The range does not include the target.
        """
        wanted = offset < self.target
        if wanted:
            self._count += 1
            self._last = offset
        return wanted

    def move_to(self, position: int | None) -> bool:
        """Note the consumer's position, and return whether it has moved."""
        moved = position is not None and position > self.position
        if moved:
            assert position is not None
            self.position = position
        return moved

    def skip_to(self, beginning: int) -> None:
        """Note that the records before this offset were deleted."""
        self._truncated += min(beginning, self.target) - self.position
        self.position = beginning

    def coverage(self) -> Coverage:
        span = max(0, self.target - self._beginning)
        return Coverage(
            self._beginning,
            self.target,
            self._count,
            self._last,
            span - self._count - self._truncated,
            self._truncated,
        )


def to_millis(name: str, time: int | datetime) -> int:
    """A time as milliseconds since the epoch.

    A naive `datetime` is local time, as everywhere in Python.

    Args:
        name: the name of the time, for the error.

    Raises:
        TypeError, ValueError: a time that Kafka has no timestamp for.
    """
    millis: Any = time
    if isinstance(time, datetime):
        try:
            millis = (time.astimezone(timezone.utc) - EPOCH) // MILLISECOND
        except (OverflowError, ValueError) as error:  # years 1 to 9999, in both zones
            raise ValueError(
                f"{name} is a time that does not exist in UTC: {time}"
            ) from error
    if not _arguments.is_whole(millis):
        raise TypeError(
            f"{name} must be an int of milliseconds, or a datetime such as "
            f"at('09:00'), not {type(millis).__name__}"
        )
    number = _arguments.whole(name, millis, None, _arguments.LONG_MAX)
    if number < 0:  # to Kafka, negative times have a meaning: -1 is the end
        given = time if isinstance(time, datetime) else shown(time)
        raise ValueError(f"{name} is a time before 1970: {given}")
    return number
