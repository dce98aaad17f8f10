"""A query that is alive sees everything sent from then on. One that is not says why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import UnknownTopicError, WaitError
from tests.processes import wait_until
from tests.sessions import ON_CONNECT, needs_own_functions

from .conftest import BlockingFunction, Queries

if TYPE_CHECKING:
    pass

LATEST = {"startingOffsets": "latest"}


@pytest.mark.parametrize("run", range(5))
def test_nothing_sent_to_a_query_that_is_alive_is_lost(
    kafka: KafkaUtils, queries: Queries, topic: str, run: int
) -> None:
    """With startingOffsets=latest, the default, the query has pinned its offsets."""
    kafka.create_topics([topic], num_partitions=2)
    query = queries.to_memory(queries.source(topic, **LATEST), f"latest_{run}")
    kafka.wait_for_query_alive(query)
    kafka.send_messages(topic, [(n, n) for n in range(20)])
    kafka.wait_until_processed(query)
    assert queries.rows(f"latest_{run}") == 20


@pytest.mark.parametrize("run", range(2))
@pytest.mark.parametrize(
    "trigger",
    [{"realTime": "30 seconds"}, {"continuous": "1 second"}],
    ids=["realTime", "continuous"],
)
def test_nothing_sent_to_a_query_without_batches_is_lost(
    kafka: KafkaUtils, queries: Queries, topic: str, trigger: dict[str, Any], run: int
) -> None:
    """In real-time and continuous mode, there is no progress to go by."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    query = queries.to_topic(queries.source(topic, **LATEST), sink, **trigger)
    kafka.wait_for_query_alive(query)
    kafka.send_messages(topic, [(n, n) for n in range(20)])
    kafka.assert_eventually(
        lambda: kafka.get_all_records(queries.spark, sink),
        {str(n): str(n) for n in range(20)},
        query=query,
    )


@needs_own_functions
def test_a_first_batch_that_takes_long_is_alive(
    kafka: KafkaUtils, queries: Queries, topic: str, blocking: BlockingFunction
) -> None:
    """Its offsets are pinned before it runs, long before there is any progress."""
    kafka.create_topics([topic])
    query = queries.source(topic).writeStream.foreachBatch(blocking).start()
    kafka.wait_for_query_alive(query)
    assert query.lastProgress is None
    blocking.released.set()
    kafka.wait_until_processed(query)


def test_a_query_that_has_died_raises_its_own_exception(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The user sees Spark's error, and not a timeout."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    query = queries.to_memory(queries.failing(topic), "dies")
    while query.isActive:
        time.sleep(0.05)
    with pytest.raises(StreamingQueryException, match="as the test wants it"):
        kafka.wait_for_query_alive(query)


def test_a_query_on_a_topic_that_does_not_exist_raises(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Spark would look for it for a minute, and then not name it.

    With Spark Connect the kit can't see it earlier.
    """
    query = queries.to_memory(queries.source(topic, **LATEST), "misspelled")
    if ON_CONNECT:
        with pytest.raises(StreamingQueryException, match="UnknownTopicOrPartition"):
            kafka.wait_for_query_alive(query)
        return
    for wait in (kafka.wait_for_query_alive, kafka.wait_until_processed):
        with pytest.raises(UnknownTopicError) as caught:
            wait(query)
        assert str(caught.value).startswith(
            f"Query 'misspelled' ({query.id}) reads topic {topic!r}, which does not "
            "exist. "
        )


def test_a_finished_query_is_no_failure(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """An availableNow query that has done its work does not count as not alive."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    query = queries.to_memory(queries.source(topic), "ended", availableNow=True)
    query.awaitTermination(60)
    kafka.wait_for_query_alive(query)
    assert queries.rows("ended") == 1


def test_a_query_that_is_not_alive_in_time_is_named_with_its_status(
    kafka: KafkaUtils, queries: Queries
) -> None:
    """It can't reach its source."""
    df = (
        queries.spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", "127.0.0.1:9")
        .option("subscribe", "nowhere")
        .option("kafka.request.timeout.ms", "1000")  # else it stops after a minute
        .option("kafka.default.api.timeout.ms", "3000")
        .load()
    )
    query = queries.to_memory(df, "waits")
    wait_until(
        lambda: query.status["message"].startswith("Getting offsets"), "it never asks"
    )
    with pytest.raises(AssertionError) as caught:
        kafka.wait_for_query_alive(query, timeout=0.1)
    assert isinstance(caught.value, WaitError)
    assert str(caught.value) == (
        f"Query 'waits' ({query.id}) was not alive within 0.1 s.\n"
        "Give it more time (timeout=...), or look for the reason in Spark's log.\n"
        f"  query 'waits' ({query.id}): active, status 'Getting offsets from "
        "KafkaV2[Subscribe[nowhere]]'\n"
        "  last progress: none"
    )


def test_what_is_not_a_query_is_refused(kafka: KafkaUtils, queries: Queries) -> None:
    """The usual mistake is a writer that was not started."""
    stream = queries.spark.readStream.format("rate").load()
    with pytest.raises(TypeError) as caught:
        kafka.wait_for_query_alive(stream.writeStream)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "query must be a StreamingQuery, not DataStreamWriter. Is .start() missing?"
    )
