"""Waits tied to a streaming query."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit.assertions import check_times
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["wait_for_query_alive"]

TICK_SECONDS = 0.1

# A query's status message while its start offsets are not known yet (StreamExecution,
# MicroBatchExecution).
NOT_STARTED = (
    "Initializing StreamExecution",
    "Initializing sources",
    "Getting offsets from",
)


def wait_for_query_alive(
    query: StreamingQuery, timeout: float = 60, interval: float = 1.0
) -> None:
    """Waits until the query is active and its start offsets are pinned: what is sent
    after that, it sees.

    A query that has already ended without an error (`availableNow`, `once`) is no
    failure.

    Args:
        query: the query.
        timeout: seconds.
        interval: the longest time between two looks at the query, in seconds.

    Raises:
        StreamingQueryException: the query's own, as soon as it has died.
        WaitError: (an AssertionError) it was not alive in time; the text has its
            status.
        TypeError, ValueError: an argument that can't be used.
    """
    if not hasattr(query, "isActive"):
        raise TypeError(
            f"query must be a StreamingQuery, not {type(query).__name__}; is .start() "
            "missing?"
        )
    check_times(timeout, interval)
    deadline = time.monotonic() + timeout
    while True:
        if _is_alive_or_done(query):
            return
        if time.monotonic() >= deadline:
            raise WaitError(
                f"Query {_name(query)} was not alive within {timeout:g} s: its status "
                f"is {query.status!r}, and it has made no progress. "
                "Give it more time (timeout=...), or look for the reason in Spark's "
                "log."
            )
        time.sleep(max(0.0, min(interval, TICK_SECONDS, deadline - time.monotonic())))


def _is_alive_or_done(query: StreamingQuery) -> bool:
    is_active = (
        query.isActive
    )  # before the exception: a query that dies in between has set it
    exception = query.exception()
    if exception is not None:
        raise exception
    if not is_active or query.lastProgress is not None:
        return True
    message: Any = query.status.get("message", "")
    return not str(message).startswith(NOT_STARTED)


def _name(query: StreamingQuery) -> str:
    return f"{query.name!r} ({query.id})" if query.name else str(query.id)
