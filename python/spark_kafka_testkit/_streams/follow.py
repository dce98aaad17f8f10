"""A query that a job's own code has begun, followed by a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._jvm.spark_jvm import active_session, execution_of, session_of
from spark_kafka_testkit._queries.planned import planned_sources_of_query
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._streams.crash import Point
from spark_kafka_testkit._streams.crashes import CrashSteps
from spark_kafka_testkit._streams.exactly_once import ExactlyOnce
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.queries import wait_for_query_alive
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit._queries.position import Source

__all__ = ["FollowedQuery"]

UNKNOWN_START = (
    "How the query is started is not known: give follow() the function that starts it, "
    "in place of the query."
)


class FollowedQuery(CrashSteps, ExactlyOnce):
    """A query that `follow` was given; its steps are those of `StreamSteps`."""

    def __init__(
        self,
        cluster: Cluster,
        query: StreamingQuery | Callable[..., StreamingQuery],
        topic: str | None,
        *,
        answer: Callable[[], Any] | None = None,
        timeout: float = 60,
    ) -> None:
        super().__init__(cluster, topic, answer, timeout)
        self._begin: Callable[..., StreamingQuery] | None = None
        self._is_begun = False
        if callable(query):
            self._begin = query
        else:
            self._query = _arguments.streaming_query("query", query)

    def start(self) -> None:
        """Calls the function that starts the query, and waits until that is alive. A
        query that was given is waited for.

        Raises:
            StreamingQueryException: it died at once.
            WaitError: it was not alive in time.
            UnknownTopicError: a topic that it reads does not exist.
            RuntimeError: it runs already, or is to start again and no function that
                starts it was given.
        """
        if self._is_begun and self.query.isActive:
            raise RuntimeError("The query runs already; call stop() first.")
        if self._begin is not None:
            session = [_running_session()] if _takes_session(self._begin) else []
            started = self._begin(*session)
            self._begin_query(
                _arguments.streaming_query("what the function gives", started)
            )
        elif self._is_begun:
            raise RuntimeError(UNKNOWN_START)
        self._is_begun, self._failure_expected = True, False
        with waiting("start"):
            wait_for_query_alive(self.query, self._timeout, cluster=self._cluster)

    def restart(self) -> None:
        """Stops the query and calls the function that starts it.

        Raises:
            RuntimeError: no such function was given.
        """
        if self._begin is None:
            raise RuntimeError(UNKNOWN_START)
        super().restart()

    def _sources(self) -> list[Source]:
        return planned_sources_of_query(self.query)

    def _session(self) -> SparkSession:
        return session_of(self.query)

    def _rows(self) -> Callable[[], Any]:
        name, spark = self.query.name, self._session()
        if not name or not spark.catalog.tableExists(name):
            raise TypeError(
                "What the query writes to is not known here: name its topic, "
                "follow(query, topic), or give answer=, a function that gives the rows."
            )
        return partial(spark.table, name)

    def _checkpoint(self) -> str:
        execution = execution_of(self.query)
        if execution is None:
            raise TypeError(
                "By Spark Connect the checkpoint of a job's query is not known here. "
                "Use a classic session, or run_stream(df, ...)."
            )
        return str(execution.resolvedCheckpointRoot())

    def _looks_all_the_time(self) -> bool:
        return QueryState(self.query).interval == 0

    def _check_appends(self) -> None:
        pass  # how it writes is the job's to know

    def _has_memory_sink(self) -> bool:
        execution = execution_of(self.query)
        if execution is None:
            return False
        return str(execution.sink().getClass().getSimpleName()) == "MemorySink"

    def _job(self) -> Callable[[Any], Any]:
        assert self._begin is not None
        return self._begin

    def _set_failing(self, is_failing: bool) -> None:
        pass  # `_check_point` has said so

    def _check_point(self, point: Point) -> None:
        if self._begin is None:
            raise TypeError(UNKNOWN_START)
        if point == "in_task":
            raise TypeError(
                "The plan of a job's query is the job's own: its tasks can't be made "
                "to fail. Run its DataFrame: run_stream(df, ...).crash('in_task')."
            )
        if point == "driver" and not _takes_session(self._begin):
            raise TypeError(
                "crash('driver') runs the job in a process of its own, by another "
                "session: give follow() a function that takes the session, "
                "follow(lambda spark: ...)."
            )

    def _clean_up(self) -> None:
        pass  # its checkpoint is the job's


def _takes_session(begin: Callable[..., Any]) -> bool:
    """Whether a function that starts a query must be given something."""
    try:
        parameters = signature(begin).parameters.values()
    except (TypeError, ValueError):
        return False  # one of C's
    return any(
        one.default is Parameter.empty
        and one.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        for one in parameters
    )


def _running_session() -> SparkSession:
    """That of the test.

    Raises:
        SparkSetupError: there is none.
    """
    from pyspark.sql import SparkSession

    spark = active_session() or SparkSession.getActiveSession()
    if spark is None:
        raise SparkSetupError(
            "There is no Spark session to start the query by.",
            "Make one first: KafkaUtils.spark_session().",
        )
    return spark
