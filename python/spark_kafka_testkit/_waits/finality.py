"""Whether what a query has written can still change."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._queries.position import Position
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.queries import ends_of
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["Finality"]


class Finality:
    """Whether the session's queries are done with everything that their topics hold.

    Queries that feed one another count. Queries controlled by a test's clock are done
    until the clock is advanced. What other threads and processes send can't be seen
    before it arrives.

    Args:
        cluster: where the topics are.
        spark: the session.
    """

    def __init__(self, cluster: Cluster, spark: SparkSession) -> None:
        self._cluster, self._spark = cluster, spark

    def reason(self) -> str:
        """Why the answer is final, for people, or an empty string if it may change."""
        queries = list(self._spark.streams.active)
        before = _batches(queries)
        if not queries or not all(map(self._is_idle, queries)):
            return ""
        again = list(self._spark.streams.active)
        if _batches(again) != before:
            return ""  # one has written what another may read
        which = "its query has" if len(queries) == 1 else "all queries have"
        waits = "waits" if len(queries) == 1 else "wait"
        return f"{which} processed all that is in Kafka, and {waits} for data"

    def wait(self, timeout: float, *, batches: float = math.inf) -> bool:
        """Wait until the answer is final, and return whether it is.

        Args:
            timeout: the time limit in seconds.
            batches: the number of further batches, of each query that does not rest,
                after which the wait gives up. Some queries never rest.
        """
        pauses = Pauses(timeout)
        begun = {str(one.runId): _number(one) for one in self._spark.streams.active}
        while True:
            queries = list(self._spark.streams.active)
            if not queries or self.reason():
                return True
            restless = [one for one in queries if not self._is_idle(one)]
            more = [_number(one) - begun.get(str(one.runId), -1) for one in restless]
            if pauses.is_over or (more and min(more) >= batches):
                return False
            pauses.rest()

    def _is_idle(self, query: StreamingQuery) -> bool:
        state, position = QueryState(query), Position()
        if state.is_clocked:
            return True
        progress = state.progress
        if not position.take(progress):
            return False
        if len(position.sources) != len(progress["sources"]):
            return False  # not all of them are Kafka sources
        try:
            ends = ends_of(self._cluster, state, position)
        except (KafkaTestkitError, ValueError):
            return False  # topics elsewhere, or none yet
        if position.is_behind(ends):
            return False
        return state.is_active and state.is_resting


def _number(query: StreamingQuery) -> int:
    """The number of its last batch, or -1 if there was none."""
    progress: Any = query.lastProgress
    return -1 if progress is None else int(progress["batchId"])


def _batches(queries: list[StreamingQuery]) -> dict[str, Any]:
    """The last batch of each query."""
    return {
        str(query.runId): (query.lastProgress or {"batchId": None})["batchId"]
        for query in queries
    }
