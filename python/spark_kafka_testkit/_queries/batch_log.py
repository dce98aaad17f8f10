"""Which batches a checkpoint has begun and committed, and the faults that tests plant.

Spark writes `offsets/N` before batch N, and `commits/N` after it. These files alone
decide what it does at a start: a batch with offsets and no commit is run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["BatchLog", "Log"]

Log = Literal["offsets", "commits"]

OURS = b"spark-kafka-testkit: a crash is to happen here\n"


class BatchLog:
    """The two logs of a checkpoint, in a folder on this machine.

    A fault is a file in the place of a log entry's checksum. Spark writes an entry
    under another name and moves it to its own when it is complete. Hadoop's file system
    moves the checksum with it, and that fails if the checksum file already exists. So
    the entry is there and the query has died of it, whatever its sink and its version
    of Spark.

    Args:
        checkpoint: the checkpoint location.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.path = checkpoint

    @property
    def last_begun(self) -> int:
        """The last batch whose offsets are written, or -1 if there is none."""
        return self._last("offsets")

    @property
    def last_committed(self) -> int:
        """The last committed batch, or -1 if there is none."""
        return self._last("commits")

    def has(self, log: Log, batch: int) -> bool:
        """Whether the entry exists."""
        return (self.path / log / str(batch)).is_file()

    def set_fault(self, log: Log, batch: int) -> None:
        """Make a query die when it writes the entry.

        Raises:
            FileExistsError: the entry is already written.
        """
        self.clear_fault(log, batch)  # left by a test that was killed
        folder = self.path / log
        folder.mkdir(parents=True, exist_ok=True)
        with self._checksum(log, batch).open("xb") as file:
            file.write(OURS)

    def has_fault(self, log: Log, batch: int) -> bool:
        """Whether a fault is still there. A query does not overwrite it."""
        try:
            return self._checksum(log, batch).read_bytes() == OURS
        except FileNotFoundError:
            return False

    def clear_fault(self, log: Log, batch: int) -> None:
        """Remove a fault, and what a query that died of it left behind.

        The entry stays, without a checksum, which a file may lack.
        """
        if self.has_fault(log, batch):
            self._checksum(log, batch).unlink()
        for left in (self.path / log).glob(f"..{batch}.*.tmp.crc"):
            left.unlink(missing_ok=True)

    def forget_commit(self, batch: int) -> None:
        """Turn a batch into one that was begun and not committed."""
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
