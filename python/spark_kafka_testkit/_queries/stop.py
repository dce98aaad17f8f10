"""Stops queries in bounded time.

`stop()` alone has no time limit (spark.sql.streaming.stopTimeout). It waits for the
query's thread, and Spark can't interrupt a `foreachBatch` function in Python.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock, _timeline
from spark_kafka_testkit._jvm.spark_jvm import let_go_of_query
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["stop", "stop_all"]

STOP_SECONDS = 30.0


def stop(query: StreamingQuery) -> None:
    """Stop the query, as far as that is possible within `STOP_SECONDS`.

    Raises:
        WaitError: (an AssertionError) it has not stopped. The message says what it is
            doing.
    """
    for _, error in stop_all([query]):
        if isinstance(error, _StillRunningError):
            name = QueryState(query).name
            raise WaitError(f"Query {name} did not stop: {error}", query=query)
        raise error


def stop_all(
    queries: Iterable[StreamingQuery],
) -> list[tuple[StreamingQuery, Exception]]:
    """Stop the queries, all at once, even if some fail to stop.

    Returns:
        The queries that did not stop, and why.
    """
    stops = []
    for query in queries:
        _timeline.query_ends(query)
        stops.append(_late.get(str(query.runId)) or _Stop(query))
    deadline = _clock.monotonic() + STOP_SECONDS
    for each in stops:
        each.wait(deadline)
    return [(each.query, each.error) for each in stops if each.error is not None]


class _StillRunningError(Exception):
    def __init__(self, query: StreamingQuery) -> None:
        status = QueryState(query).message
        super().__init__(
            f"it still runs {STOP_SECONDS:g} s later, status {status!r}. A blocked "
            "foreachBatch function or task holds it, so it is left behind."
        )


class _Stop:
    """A call of `stop()`, in its own thread.

    The thread may have to be left behind with the call, because py4j can't abandon one.

    Attributes:
        error: why the query has not stopped.
    """

    def __init__(self, query: StreamingQuery) -> None:
        self.query = query
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.query.stop()
            let_go_of_query(self.query)
        except Exception as error:  # noqa: BLE001  the caller gets it
            self.error = error

    def wait(self, deadline: float) -> None:
        run = str(self.query.runId)
        left = 0.0 if run in _late else deadline - _clock.monotonic()
        self._thread.join(max(0.0, left))
        if self._thread.is_alive():
            _late[run] = self
            self.error = self.error or _StillRunningError(self.query)
        elif _late.pop(run, None) is not None:
            self.error = None


_late: dict[str, _Stop] = {}
"""The stops that did not end in time, by run id. Nobody waits for them again."""
