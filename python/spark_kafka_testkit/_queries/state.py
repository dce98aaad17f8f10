"""What a query says of itself: its mode, whether it lives, what it does.

All of it is PySpark's public API, but for the mode, which only the JVM knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from spark_kafka_testkit._jvm import gateway as _gateway

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "Mode",
    "batch_of",
    "check_query",
    "describe",
    "message_of",
    "mode_of",
    "name_of",
    "raise_if_dead",
    "tasks_of",
]

Mode = Literal["micro-batch", "real-time", "continuous"]

# What the status of a continuous query says (ContinuousExecution), and no other's.
CONTINUOUS = ("Running", "Committing epoch")


def check_query(query: StreamingQuery) -> None:
    """Raises where a wait is given something else; a writer, most often."""
    if not hasattr(query, "isActive"):
        raise TypeError(
            f"query must be a StreamingQuery, not {type(query).__name__}; is .start() "
            "missing?"
        )


def name_of(query: StreamingQuery) -> str:
    return f"{query.name!r} ({query.id})" if query.name else str(query.id)


def message_of(query: StreamingQuery) -> str:
    """The text of its status: what it does at this moment."""
    status: Any = query.status
    return str(status.get("message", ""))


def mode_of(query: StreamingQuery) -> Mode:
    """How it runs. By Spark Connect a real-time query can't be told from one in
    micro-batches.
    """
    trigger = _gateway.trigger_of(query)
    if trigger == "RealTimeTrigger":
        return "real-time"
    if trigger == "ContinuousTrigger":
        return "continuous"
    if trigger is None and message_of(query).startswith(CONTINUOUS):
        return "continuous"
    return "micro-batch"


def raise_if_dead(query: StreamingQuery) -> None:
    """Raises what the query has died of."""
    exception = query.exception()
    if exception is not None:
        raise exception


def describe(query: StreamingQuery) -> str:
    """Its state in a few lines, for the text of an error."""
    progress: Any = query.lastProgress
    last = "none" if progress is None else batch_of(progress)
    state = "active" if query.isActive else "ended"
    lines = [
        f"  query {name_of(query)}: {state}, status {message_of(query)!r}",
        f"  last progress: {last}",
    ]
    if query.isActive and mode_of(query) == "real-time":
        running, needed = tasks_of(query)
        slots = " (each holds a slot: does the session have so many cores?)"
        lines.append(
            f"  tasks of its active stages: {running} of {needed} run"
            f"{slots if running < needed else ''}"
        )
    exception = query.exception()
    if exception is not None:
        lines.append(f"  exception: {str(exception).strip().partition(chr(10))[0]}")
    return "\n".join(lines)


def batch_of(progress: Any) -> str:
    """The batch that a progress tells of. By Spark Connect it lacks the number of rows
    (4.2.0), which its sources have.
    """
    rows = progress["numInputRows"]
    if rows is None:
        rows = sum(source["numInputRows"] for source in progress["sources"])
    number, begun = progress["batchId"], progress["timestamp"]
    return f"batch {number}, {rows} input rows, begun {begun}"


def tasks_of(query: StreamingQuery) -> tuple[int, int]:
    """How many tasks of a query run, and how many its active stages have; for a query
    in this process's JVM.
    """
    from pyspark import SparkContext

    tracker = SparkContext.getOrCreate().statusTracker()
    jobs = map(tracker.getJobInfo, tracker.getJobIdsForGroup(str(query.runId)))
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
