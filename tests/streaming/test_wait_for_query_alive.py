"""A query that is alive sees what is sent from then on; one that is not says why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import WaitError

from ..sessions import ON_CONNECT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


@pytest.fixture(autouse=True)
def stop_queries(spark: SparkSession) -> Iterator[None]:
    """Queries go before topics do."""
    yield
    for query in spark.streams.active:
        query.stop()


def source(
    kafka: KafkaUtils, spark: SparkSession, topic: str, **options: str
) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", topic)
        .options(**options)
        .load()
    )


def start(df: DataFrame, name: str, **trigger: Any) -> StreamingQuery:
    writer = df.writeStream.format("memory").queryName(name)
    return (writer.trigger(**trigger) if trigger else writer).start()


@pytest.mark.parametrize("run", range(10))
def test_nothing_sent_after_it_is_lost_on_latest(
    kafka: KafkaUtils, spark: SparkSession, topic: str, run: int
) -> None:
    """A query on startingOffsets=latest, the default, has pinned its offsets."""
    kafka.create_topics([topic], num_partitions=2)
    query = start(source(kafka, spark, topic), f"latest_{run}")
    kafka.wait_for_query_alive(query)
    kafka.send_messages(topic, [(n, n) for n in range(20)])
    query.processAllAvailable()
    assert spark.sql(f"SELECT * FROM latest_{run}").count() == 20


def test_a_query_that_has_died_raises_its_own_exception(
    kafka: KafkaUtils, spark: SparkSession, topic: str
) -> None:
    """The user sees Spark's error, not a time-out."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    df = source(kafka, spark, topic, startingOffsets="earliest").selectExpr(
        "raise_error('as the test wants it')"
    )
    query = start(df, "dies")
    while query.isActive:
        time.sleep(0.05)
    with pytest.raises(StreamingQueryException, match="as the test wants it"):
        kafka.wait_for_query_alive(query)


def test_a_query_on_a_topic_that_does_not_exist_raises(
    kafka: KafkaUtils, spark: SparkSession, topic: str
) -> None:
    """A misspelled topic is Spark's UnknownTopicOrPartitionException at once."""
    query = start(source(kafka, spark, topic), "misspelled")
    with pytest.raises(StreamingQueryException, match="UnknownTopicOrPartition"):
        kafka.wait_for_query_alive(query)


def test_a_finished_query_is_no_failure(
    kafka: KafkaUtils, spark: SparkSession, topic: str
) -> None:
    """An availableNow query that has done its work is not 'not alive'."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    df = source(kafka, spark, topic, startingOffsets="earliest")
    query = start(df, "available_now", availableNow=True)
    query.awaitTermination(60)
    kafka.wait_for_query_alive(query)
    assert spark.sql("SELECT * FROM available_now").count() == 1


def test_a_time_out_tells_the_status(kafka: KafkaUtils, spark: SparkSession) -> None:
    """A query that can't reach its source is named, with its status."""
    df = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", "127.0.0.1:9")
        .option("subscribe", "nowhere")
        .option("kafka.request.timeout.ms", "1000")  # else its stop takes a minute
        .option("kafka.default.api.timeout.ms", "3000")
        .load()
    )
    query = start(df, "waits")
    with pytest.raises(AssertionError) as caught:
        kafka.wait_for_query_alive(query, timeout=1.5)
    assert isinstance(caught.value, WaitError)
    assert str(caught.value).startswith(
        f"Query 'waits' ({query.id}) was not alive within 1.5 s: "
        "its status is {'message': "
    )


def test_what_is_not_a_query_is_refused(kafka: KafkaUtils, spark: SparkSession) -> None:
    """A writer that was not started is the usual mistake."""
    writer = spark.readStream.format("rate").load().writeStream.format("memory")
    with pytest.raises(TypeError) as caught:
        kafka.wait_for_query_alive(writer)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "query must be a StreamingQuery, not DataStreamWriter; is .start() missing?"
    )


def test_a_read_takes_no_task_slot(
    kafka: KafkaUtils, spark: SparkSession, topic: str, tmp_path: Path
) -> None:
    """Beside a real-time query that holds every slot of local[2] the helper reads
    on.
    """
    if ON_CONNECT:
        pytest.skip("asks the session's own status tracker, and its JVM")
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink], num_partitions=2)
    query = (
        source(kafka, spark, topic, startingOffsets="earliest")
        .select("key", "value")
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("topic", sink)
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .outputMode("update")
        .trigger(realTime="30 seconds")
        .start()
    )
    tracker = spark.sparkContext.statusTracker()
    deadline = time.monotonic() + 60
    while sum_active_tasks(tracker) < 2:
        assert time.monotonic() < deadline, f"no two tasks run: {query.status}"
        time.sleep(0.1)
    assert kafka.client == "jvm"
    messages = {f"k{n}": f"v{n}" for n in range(10)}
    kafka.send_messages(topic, list(messages.items()))
    assert kafka.get_all_records(spark, topic) == messages
    kafka.assert_eventually(
        lambda: kafka.get_all_records(spark, sink), messages, timeout=20, interval=0.05
    )
    assert sum_active_tasks(tracker) == 2
    assert query.lastProgress is None, "the batch has ended: the slots were free"


def sum_active_tasks(tracker: Any) -> int:
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage is not None)
