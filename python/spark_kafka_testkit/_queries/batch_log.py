"""Which batches a checkpoint has begun and committed, and the faults that a test puts
there.

Spark writes `offsets/N` before batch N, and `commits/N` after it. What it does at a
start is decided by these files alone: a batch with offsets and no commit is run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["BatchLog", "Log"]

Log = Literal["offsets", "commits"]

OURS = b"spark-kafka-testkit: a crash is to happen here\n"


class BatchLog:
    """The two logs of a checkpoint, in a folder of this machine.

    A fault is a file at the name of a log entry's checksum. Spark writes an entry under
    another name and moves it to its own when it is whole, and the file system of Hadoop
    moves the checksum with it, which must not be there yet. So the entry is there, and
    the query has died of it, whatever its sink and its Spark are.

    Args:
        checkpoint: the checkpoint location.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.path = checkpoint

    @property
    def last_begun(self) -> int:
        """The last batch that has its offsets; -1 where none has."""
        return self._last("offsets")

    @property
    def last_committed(self) -> int:
        """The last batch that is committed; -1 where none is."""
        return self._last("commits")

    def has(self, log: Log, batch: int) -> bool:
        """Whether the entry is there."""
        return (self.path / log / str(batch)).is_file()

    def set_fault(self, log: Log, batch: int) -> None:
        """Has a query that writes the entry die of it.

        Raises:
            FileExistsError: it is written already.
        """
        self.clear_fault(log, batch)  # that of a test which was killed
        folder = self.path / log
        folder.mkdir(parents=True, exist_ok=True)
        with self._checksum(log, batch).open("xb") as file:
            file.write(OURS)

    def has_fault(self, log: Log, batch: int) -> bool:
        """Whether a fault is there still: a query does not write over it."""
        try:
            return self._checksum(log, batch).read_bytes() == OURS
        except FileNotFoundError:
            return False

    def clear_fault(self, log: Log, batch: int) -> None:
        """Removes a fault, and what a query that died of it has left. The entry stays,
        without a checksum, as a file may be.
        """
        if self.has_fault(log, batch):
            self._checksum(log, batch).unlink()
        for left in (self.path / log).glob(f"..{batch}.*.tmp.crc"):
            left.unlink(missing_ok=True)

    def forget_commit(self, batch: int) -> None:
        """Makes a batch one that was begun and not committed."""
        (self.path / "commits" / str(batch)).unlink(missing_ok=True)
        self._checksum("commits", batch).unlink(missing_ok=True)

    def _checksum(self, log: Log, batch: int) -> Path:
        return self.path / log / f".{batch}.crc"

    def _last(self, log: Log) -> int:
        try:
            names = [file.name for file in (self.path / log).iterdir()]
        except FileNotFoundError:
            return -1
        return max((int(name) for name in names if name.isdigit()), default=-1)
