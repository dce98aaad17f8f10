"""Where a batch can be lost: how to set that up, and how to see that it happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from spark_kafka_testkit._queries.batch_log import BatchLog, Log
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

__all__ = [
    "FAILED_TASK",
    "NOTHING_SENT",
    "AtLog",
    "CrashPoint",
    "InTask",
    "failing_in_the_middle",
]

NOTHING_SENT = (
    "Send the records of the batch inside the block of crash(). What you send earlier "
    "is processed earlier."
)
FAILED_TASK = "spark-kafka-testkit failed this task: crash('in_task')"


class CrashPoint(Protocol):
    """A place in a batch."""

    log: BatchLog

    def set(self, batch: int) -> None:
        """Set it up so that the batch is lost here.

        Raises:
            WaitError: the batch has already begun.
        """

    def has_come(self, death: str) -> bool:
        """Whether the batch was lost here.

        Args:
            death: the text of the exception that the query died of.
        """

    def clear(self) -> None:
        """Leave the checkpoint as the crash left it.

        Without a crash, leave it as if none had been set.
        """


class AtLog:
    """The driver is lost when it has written a log entry.

    The entry is in `offsets`, before the sink gets the batch, or in `commits`, after
    it. An entry in `commits` is removed again.
    """

    def __init__(self, log: BatchLog, which: Log) -> None:
        self.log, self._which = log, which
        self._batch = -1

    def set(self, batch: int) -> None:
        try:
            self.log.set_fault(self._which, batch)
        except FileExistsError:
            raise WaitError(
                f"Batch {batch} had begun before the crash was set. Does another query "
                "use the checkpoint?"
            ) from None
        self._batch = batch

    def has_come(self, death: str) -> bool:
        # it does not matter what the query died of: nothing gets past the fault
        has_entry = self.log.has(self._which, self._batch)
        return has_entry and self.log.has_fault(self._which, self._batch)

    def clear(self) -> None:
        if self._batch < 0:
            return
        if self._which == "commits" and self.has_come(""):
            self.log.forget_commit(self._batch)
        with suppress(FileNotFoundError):  # someone else has removed the checkpoint
            self.log.clear_fault(self._which, self._batch)


class InTask:
    """A task fails in the middle of its output.

    The plan that the stream was given does that: see `failing_in_the_middle`.
    """

    def __init__(self, log: BatchLog) -> None:
        self.log = log
        self._batch = -1

    def set(self, batch: int) -> None:
        self._batch = batch

    def has_come(self, death: str) -> bool:
        return FAILED_TASK in death and not self.log.has("commits", self._batch)

    def clear(self) -> None:
        pass


def failing_in_the_middle(df: DataFrame) -> DataFrame:
    """The DataFrame, with tasks that fail in the middle of their output.

    Each task returns the first half of its rows, at least one, and then fails. A task
    without rows does not fail.
    """
    reason = FAILED_TASK

    # Nested, so that its code is sent to Spark's Python, where the kit may not exist.
    def half(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        every = list(batches)
        left = (sum(batch.num_rows for batch in every) + 1) // 2
        for batch in every:
            if left and batch.num_rows:
                yield batch.slice(0, left)
                left -= min(left, batch.num_rows)
        if any(batch.num_rows for batch in every):
            raise RuntimeError(reason)

    return df.mapInArrow(half, df.schema)
