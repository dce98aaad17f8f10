"""How far queries are behind, and how all of them are stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._queries import stop as _stop
from spark_kafka_testkit.errors import WaitError
from tests.sessions import needs_own_functions

from .conftest import BlockingFunction, Queries

if TYPE_CHECKING:
    pass

TEN = [(n, n) for n in range(10)]


def test_lag_counts_per_topic_and_partition(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It is 0 if nothing is left to read. Of two sources, the slower one counts."""
    other = f"{topic}-other"
    kafka.create_topics([topic, other])
    fast = queries.source(subscribePattern=f"{topic}.*")
    slow = queries.source(topic, minOffsetsPerTrigger="100", maxTriggerDelay="1h")
    both = fast.select("value").union(slow.select("value"))
    query = queries.to_memory(both, "behind")
    kafka.wait_until_processed(query)
    assert kafka.lag(query) == {topic: {0: 0}, other: {0: 0}}
    kafka.send_messages(other, TEN)
    kafka.wait_until_processed(query)
    kafka.send_messages(topic, TEN[:3])
    assert kafka.lag(query) == {topic: {0: 3}, other: {0: 0}}


def test_lag_that_can_not_be_known_is_an_error(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A query may have no progress yet, never have any, or be dead."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    query = queries.to_topic(queries.source(topic), sink, realTime="30 seconds")
    with pytest.raises(WaitError) as caught:
        kafka.lag(query)
    assert str(caught.value) == (
        f"Query {query.id} has made no progress yet, so the kit can't tell how far "
        "behind it is. Call wait_for_query_alive(query) first."
    )
    query.stop()
    continuous = queries.source(topic).writeStream.format("console")
    query = continuous.trigger(continuous="1 second").start()
    kafka.wait_for_query_alive(query)  # only then does Spark Connect show the mode
    with pytest.raises(ValueError, match="for which Spark reports no progress"):
        kafka.lag(query)
    query.stop()
    kafka.send_messages(topic, [("k", "v")])
    dead = queries.to_memory(queries.failing(topic), "lag_of_dead")
    with pytest.raises(StreamingQueryException):
        kafka.wait_until_processed(dead)
    with pytest.raises(StreamingQueryException):
        kafka.lag(dead)


def test_stop_queries_stops_all_queries(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Their topics can be deleted after that. Without queries it does nothing."""
    kafka.create_topics([topic])
    for number in range(3):
        queries.to_memory(queries.source(topic), f"stopped_{number}")
    assert len(queries.spark.streams.active) == 3
    kafka.stop_queries(queries.spark)
    assert queries.spark.streams.active == []
    kafka.delete_topics([topic])
    kafka.stop_queries(queries.spark)


def test_a_query_that_does_not_stop_does_not_keep_the_others_running(
    kafka: KafkaUtils,
) -> None:
    """The others are stopped, and the error names it."""

    class Query:
        def __init__(self, name: str, error: Exception | None) -> None:
            self.name, self.id, self.error, self.isActive = name, "id", error, True
            self.runId = name

        def stop(self) -> None:
            if self.error is not None:
                raise self.error
            self.isActive = False

    class Session:
        def createDataFrame(self) -> None:  # noqa: N802  what tells a session
            pass

    session: object = Session()
    stuck = Query("stuck", TimeoutError("30 s"))
    other = Query("other", None)
    session.streams = Session()  # type: ignore[attr-defined]
    session.streams.active = [stuck, other]  # type: ignore[attr-defined]
    with pytest.raises(WaitError) as caught:
        kafka.stop_queries(session)  # type: ignore[arg-type]
    assert str(caught.value) == "Queries did not stop:\n  query 'stuck' (id): 30 s"
    assert not other.isActive


@needs_own_functions
def test_a_query_that_blocks_is_named_and_left_behind(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    blocking: BlockingFunction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kit waits for it only once. It stops when its function returns."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    writer = queries.source(topic).writeStream.foreachBatch(blocking)
    query = writer.queryName("blocked").start()
    assert blocking.begun.wait(60)
    monkeypatch.setattr(_stop, "STOP_SECONDS", 0.5)
    told = []
    for _ in range(2):
        with pytest.raises(WaitError) as caught:
            kafka.stop_queries(queries.spark)
        told.append(str(caught.value))
        monkeypatch.setattr(_stop, "STOP_SECONDS", 600)
    blocking.released.set()
    assert told == 2 * [
        "Queries did not stop:\n"
        f"  query 'blocked' ({query.id}): it still runs 0.5 s later, status "
        "'Processing new data'. A blocked foreachBatch function or task holds it, so "
        "it is left behind."
    ]
    kafka.assert_eventually(lambda: queries.spark.streams.active, [])
    kafka.stop_queries(queries.spark)


@needs_own_functions
def test_a_stream_that_blocks_is_reported_at_the_end_of_its_block(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    blocking: BlockingFunction,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], list[str]],
) -> None:
    """If the block raised an error itself, that is raised and the stream is logged."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    monkeypatch.setattr(_stop, "STOP_SECONDS", 0.5)
    stream = kafka.run_stream(queries.source(topic), foreach_batch=blocking)
    with pytest.raises(ZeroDivisionError), stream:
        1 / int(not blocking.begun.wait(60))
    with pytest.raises(WaitError) as caught:
        stream.stop()
    blocking.released.set()
    text = (
        f"Query {stream.query.id} did not stop: it still runs 0.5 s later, status "
        "'Processing new data'. A blocked foreachBatch function or task holds it, so "
        "it is left behind."
    )
    assert str(caught.value) == text
    assert logged() == [f"query {stream.query.id}: {text}"]
    kafka.assert_eventually(lambda: queries.spark.streams.active, [])
