"""Two queries on one checkpoint, like two deployments made by mistake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from threading import Barrier
from typing import TYPE_CHECKING, Any

from .processes import wait_until

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["deaths_of_rivals", "stranger"]

BATCHES = 3


def stranger(spark: SparkSession) -> SparkSession:
    """A session that knows no query of this one's, like a session in another process.

    In a session that knows them, Spark does not let such queries begin.
    """
    from pyspark.sql import SparkSession

    context: Any = spark.sparkContext
    java: Any = spark
    name = java._jsparkSession.getClass().getName()
    java_class = reduce(getattr, name.split("."), context._jvm)
    options = context._jvm.java.util.HashMap()
    return SparkSession(context, java_class(context._jsc.sc(), options))


def deaths_of_rivals(sessions: list[SparkSession], checkpoint: str) -> list[str]:
    """Make each session continue a query from one checkpoint, all at once.

    Wait until at most one is left, which goes on, and return what the others died of.
    """
    first = _start(sessions[0], checkpoint)  # a new checkpoint has checks of its own
    try:
        _wait_for_batches([first])
    finally:
        first.stop()
    together = Barrier(len(sessions))

    def start(session: SparkSession) -> StreamingQuery:
        together.wait(60)
        return _start(session, checkpoint)

    with ThreadPoolExecutor(len(sessions)) as pool:
        queries = list(pool.map(start, sessions))
    try:
        wait_until(lambda: len(_alive(queries)) <= 1, "both queries go on")
        _wait_for_batches(_alive(queries))
        dead = [query for query in queries if not query.isActive]
        return [str(query.exception()) for query in dead]
    finally:
        for query in queries:
            query.stop()


def _start(session: SparkSession, checkpoint: str) -> StreamingQuery:
    rate = session.readStream.format("rate").option("rowsPerSecond", "1000").load()
    writer = rate.writeStream.format("noop").option("checkpointLocation", checkpoint)
    return writer.start()


def _alive(queries: list[StreamingQuery]) -> list[StreamingQuery]:
    return [query for query in queries if query.isActive]


def _wait_for_batches(queries: list[StreamingQuery]) -> None:
    """Wait until those that live have made some more batches."""

    def last(query: StreamingQuery) -> int:
        progress = query.lastProgress
        return progress["batchId"] if progress else 0

    goals = {query: last(query) + BATCHES for query in queries}
    wait_until(
        lambda: all(last(query) >= goals[query] for query in _alive(queries)),
        "a query makes no batch",
    )
