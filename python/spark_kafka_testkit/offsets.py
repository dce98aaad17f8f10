"""Offsets of a partition, and what "read up to its end" means: the twins of
`PartitionOffsets.scala` and `Coverage.scala`.
"""

from __future__ import annotations

from dataclasses import dataclass

from spark_kafka_testkit.clients import Coverage

__all__ = ["PartitionOffsets", "Progress"]


@dataclass(frozen=True)
class PartitionOffsets:
    """Where a partition stands.

    Attributes:
        beginning: the first offset that is still there.
        end: the high watermark: the offset after the last one that consumers may see.
        stable: the last stable offset: where the oldest open transaction begins, or
            `end` without one.
    """

    beginning: int
    end: int
    stable: int


class Progress:
    """How far the read of one partition has come in the range [beginning, end) that it
    captured.
    """

    def __init__(self, captured: PartitionOffsets) -> None:
        self.position = self._beginning = captured.beginning
        self.target = captured.end
        self._count = 0
        self._last: int | None = None

    @property
    def is_done(self) -> bool:
        return self.position >= self.target

    def accept(self, offset: int) -> bool:
        """Counts a record in; False for one past the target, which the range does not
        hold.
        """
        wanted = offset < self.target
        if wanted:
            self._count += 1
            self._last = offset
        return wanted

    def move_to(self, position: int | None) -> bool:
        """Notes the consumer's position; True where it has moved."""
        moved = position is not None and position > self.position
        if moved:
            assert position is not None
            self.position = position
        return moved

    def coverage(self) -> Coverage:
        span = max(0, self.target - self._beginning)
        return Coverage(
            self._beginning, self.target, self._count, self._last, span - self._count
        )
