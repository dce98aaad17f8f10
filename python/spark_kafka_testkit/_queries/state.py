"""What a query reports about itself: its mode, whether it is alive, what it is doing.

All of it comes from PySpark's public API, except the mode, which only the JVM knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from spark_kafka_testkit import _arguments, _timeline
from spark_kafka_testkit._jvm.spark_jvm import execution_of, is_clocked, trigger_of
from spark_kafka_testkit._queries.death import Death

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["Mode", "QueryState", "describe_batch"]

Mode = Literal["micro-batch", "real-time", "continuous"]

# The status between triggers (MicroBatchExecution of Spark 3.5 to 4.2).
RESTING = ("Waiting for data to arrive", "Waiting for next trigger")
# The status of a continuous query (ContinuousExecution), and of no other.
CONTINUOUS = ("Running", "Committing epoch")


class QueryState:
    """A query, asked anew for each fact.

    Args:
        query: the query.

    Raises:
        TypeError: it is something else, usually a writer.
    """

    def __init__(self, query: StreamingQuery) -> None:
        self.query: StreamingQuery = _arguments.streaming_query("query", query)
        _timeline.query_met(query)

    @property
    def name(self) -> str:
        """Its name and id, for people."""
        query = self.query
        return f"{query.name!r} ({query.id})" if query.name else str(query.id)

    @property
    def is_active(self) -> bool:
        """Whether it is running."""
        return bool(self.query.isActive)

    @property
    def message(self) -> str:
        """The text of its status: what it is doing at this moment."""
        status: Any = self.query.status
        return str(status.get("message", ""))

    @property
    def is_resting(self) -> bool:
        """Whether its last trigger found no data, has ended, and left no batch to come.

        A batch for a watermark would have been run by the same trigger. For a timer of
        processing time, every trigger has a batch.
        """
        status: Any = self.query.status
        return (
            str(status.get("message", "")).startswith(RESTING)
            and not status.get("isDataAvailable")
            and not status.get("isTriggerActive")
        )

    @property
    def is_clocked(self) -> bool:
        """Whether a test's clock controls it.

        Then nothing happens unless the clock is advanced.
        """
        return is_clocked(self.query)

    @property
    def interval(self) -> float | None:
        """The interval of its trigger in seconds.

        None if it has no interval, or if no JVM is in reach.
        """
        execution = execution_of(self.query)
        if execution is None or trigger_of(self.query) != "ProcessingTimeTrigger":
            return None
        return float(execution.trigger().intervalMs() / 1000)

    @property
    def progress(self) -> Any:
        """Its last progress, or None."""
        return self.query.lastProgress

    @property
    def mode(self) -> Mode:
        """How it runs.

        With Spark Connect, a real-time query can't be distinguished from one in
        micro-batches.
        """
        trigger = trigger_of(self.query)
        if trigger == "RealTimeTrigger":
            return "real-time"
        if trigger == "ContinuousTrigger":
            return "continuous"
        if trigger is None and self.message.startswith(CONTINUOUS):
            return "continuous"
        return "micro-batch"

    def raise_if_dead(self) -> None:
        """Raise the exception that the query died of."""
        exception = self.query.exception()
        if exception is not None:
            raise exception

    @property
    def cause_of_death(self) -> str | None:
        """What it died of, with the line of the user's that raised it, or None."""
        exception = self.query.exception()
        if exception is None:
            return None
        death = Death.of(str(exception))
        return f"{death.cause} ({death.place})" if death.place else death.cause

    def describe(self) -> str:
        """Its state in a few lines, for an error's text."""
        progress = self.progress
        last = "none" if progress is None else describe_batch(progress)
        state = "active" if self.is_active else "ended"
        lines = [
            f"  query {self.name}: {state}, status {self.message!r}",
            f"  last progress: {last}",
        ]
        if self.is_active and self.mode == "real-time":
            running, needed = self._tasks()
            slots = " (each needs a slot: does the session have that many cores?)"
            lines.append(
                f"  tasks of its active stages: {running} of {needed} run"
                f"{slots if running < needed else ''}"
            )
        cause = self.cause_of_death
        if cause is not None:
            lines.append(f"  exception: {cause}")
        return "\n".join(lines)

    def _tasks(self) -> tuple[int, int]:
        """How many of its tasks are running, and how many its active stages have.

        Works for a query in this process's JVM.
        """
        from pyspark import SparkContext

        tracker = SparkContext.getOrCreate().statusTracker()
        group = tracker.getJobIdsForGroup(str(self.query.runId))
        jobs = map(tracker.getJobInfo, group)
        own = {stage for job in jobs if job is not None for stage in job.stageIds}
        stages = [
            info
            for stage in tracker.getActiveStageIds()
            if stage in own and (info := tracker.getStageInfo(stage)) is not None
        ]
        return (
            sum(stage.numActiveTasks for stage in stages),
            sum(stage.numTasks for stage in stages),
        )


def describe_batch(progress: Any) -> str:
    """The batch that a progress describes.

    With Spark Connect (4.2.0) it lacks the number of rows, which its sources have.
    """
    rows = progress["numInputRows"]
    if rows is None:
        rows = sum(source["numInputRows"] for source in progress["sources"])
    number, begun = progress["batchId"], progress["timestamp"]
    return f"batch {number}, {rows} input rows, begun {begun}"
