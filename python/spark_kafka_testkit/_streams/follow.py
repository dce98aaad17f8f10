"""A query that a job started, and that a test takes over."""

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
    "The kit does not know how to start the query. Give follow() the function that "
    "starts it, instead of the query."
)


class FollowedQuery(CrashSteps, ExactlyOnce):
    """A query that was given to `follow`. Its steps are those of `StreamSteps`."""

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
            self._query = _arguments.followed_query("query", query, "give")

    def start(self) -> None:
        """Call the function that starts the query, and wait until the query is alive.

        If the query itself was given, only wait. With the trigger `availableNow`, a run
        that has not ended yet is waited for before the function is called again.

        Raises:
            StreamingQueryException: it died immediately.
            WaitError: it was not alive in time.
            UnknownTopicError: a topic that it reads does not exist.
            RuntimeError: it is already running, or must be started again without a
                function that starts it.
        """
        if self._is_begun:
            self._await_former()
        if self._begin is not None:
            session = [_running_session()] if _takes_session(self._begin) else []
            started = self._begin(*session)
            if started is None:
                raise TypeError(
                    "The function that starts the query returned nothing. Is return "
                    "missing?"
                )
            self._begin_query(
                _arguments.followed_query(
                    "the result of the function", started, "return"
                )
            )
        elif self._is_begun:
            raise RuntimeError(UNKNOWN_START)
        self._is_begun, self._death_seen_by = True, ""
        with waiting("start"):
            wait_for_query_alive(self.query, self._timeout, cluster=self._cluster)

    def restart(self) -> None:
        """Stop the query and call the function that starts it.

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
                "The kit does not know what the query writes to. Name its topic, "
                "follow(query, topic), or give answer=, a function that returns the "
                "rows."
            )
        return partial(spark.table, name)

    def _checkpoint(self) -> str:
        execution = execution_of(self.query)
        if execution is None:
            raise TypeError(
                "Over Spark Connect the kit can't find the checkpoint of a job's "
                "query. Use a classic session, or run_stream(df, ...)."
            )
        return str(execution.resolvedCheckpointRoot())

    def _looks_all_the_time(self) -> bool:
        return QueryState(self.query).interval == 0

    def _check_appends(self) -> None:
        pass  # only the job knows how it writes

    def _has_memory_sink(self) -> bool:
        execution = execution_of(self.query)
        if execution is None:
            return False
        return str(execution.sink().getClass().getSimpleName()) == "MemorySink"

    def _job(self) -> Callable[[Any], Any]:
        assert self._begin is not None
        return self._begin

    def _set_failing(self, is_failing: bool) -> None:
        pass  # `_check_point` has refused it

    def _check_point(self, point: Point) -> None:
        if self._begin is None:
            raise TypeError(UNKNOWN_START)
        if point == "in_task":
            raise TypeError(
                "The kit can't change the plan of a job's query to make its tasks "
                "fail. Run its DataFrame: run_stream(df, ...).crash('in_task')."
            )
        if point == "driver" and not _takes_session(self._begin):
            raise TypeError(
                "crash('driver') runs the job in its own process, with another "
                "session. Give follow() a function that takes the session, "
                "follow(lambda spark: ...)."
            )

    def _clean_up(self) -> None:
        pass  # its checkpoint belongs to the job


def _takes_session(begin: Callable[..., Any]) -> bool:
    """Whether a function that starts a query needs an argument."""
    try:
        parameters = signature(begin).parameters.values()
    except (TypeError, ValueError):
        return False  # a function written in C
    return any(
        one.default is Parameter.empty
        and one.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        for one in parameters
    )


def _running_session() -> SparkSession:
    """The session of the test.

    Raises:
        SparkSetupError: there is none.
    """
    from pyspark.sql import SparkSession

    spark = active_session() or SparkSession.getActiveSession()
    if spark is None:
        raise SparkSetupError(
            "There is no Spark session to start the query with.",
            "Make one first: KafkaUtils.spark_session().",
        )
    return spark
