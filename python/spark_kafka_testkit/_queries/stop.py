"""The end of queries, in bounded time.

`stop()` has no bound by itself (spark.sql.streaming.stopTimeout): it waits for the
query's thread, and Spark can't interrupt a `foreachBatch` function in Python.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock, _timeline
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["stop", "stop_all"]

STOP_SECONDS = 30.0


def stop(query: StreamingQuery) -> None:
    """Stops the query, as far as that can be done within `STOP_SECONDS`.

    Raises:
        WaitError: (an AssertionError) it has not stopped; the text says what it does.
    """
    for _, error in stop_all([query]):
        if isinstance(error, _StillRunningError):
            name = QueryState(query).name
            raise WaitError(f"Query {name} did not stop: {error}", query=query)
        raise error


def stop_all(
    queries: Iterable[StreamingQuery],
) -> list[tuple[StreamingQuery, Exception]]:
    """Stops the queries, all at once; gives those that did not stop, and why.

    Each is stopped whatever becomes of the others.
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
            f"it still runs {STOP_SECONDS:g} s later, status {status!r}. "
            "A foreachBatch function or a task that blocks holds it; it is left behind."
        )


class _Stop:
    """A call of `stop()`, on a thread of its own.

    The thread may have to be left behind with it: py4j can't give up a call.

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
"""By run id those that were waited for in vain: nobody waits for them again."""
