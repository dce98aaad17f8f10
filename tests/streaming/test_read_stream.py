"""read_stream and read_batch: DataFrames of topics from their beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import WaitError

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_batch_has_what_the_topics_hold(
    kafka: KafkaUtils, spark: SparkSession, topic: str
) -> None:
    """It reads one topic or several, by name or by pattern.

    Without a session, it uses the active one.
    """
    first, second = f"{topic}-1", f"{topic}-2"
    kafka.send_messages(first, [("a", "1")])
    kafka.send_messages(second, [("b", "2"), ("c", "3")])
    assert kafka.read_batch(spark, first).count() == 1
    assert kafka.read_batch(None, [first, second]).count() == 3
    by_pattern = kafka.read_batch(spark, None, subscribePattern=f"{topic}-.*")
    assert by_pattern.count() == 3
    rows = kafka.read_batch(spark, second, startingOffsets=f'{{"{second}":{{"0":1}}}}')
    assert [bytes(row.value) for row in rows.collect()] == [b"3"]


def test_a_stream_begins_with_what_is_there(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The options may say otherwise."""
    kafka.send_messages(topic, [("a", "1")])
    rows = kafka.read_stream(queries.spark, topic)
    with kafka.run_stream(rows.selectExpr("CAST(key AS STRING)")) as run:
        run.check_answer([("a",)])
    rows = kafka.read_stream(queries.spark, topic, startingOffsets="latest")
    with kafka.run_stream(rows.selectExpr("CAST(key AS STRING)")) as run:
        with pytest.raises(WaitError) as caught:
            run.check_answer([("a",)])
        assert (
            str(caught.value)
            .splitlines()[1]
            .startswith(
                f"Nothing was processed: the query began at offset 1 of {topic!r}"
            )
        )
        run.add_data(topic, [("b", "2")])
        run.check_answer([("b",)])


def test_topics_are_named_once(kafka: KafkaUtils, spark: SparkSession) -> None:
    """Either by the argument or by one of Spark's options."""
    for topics, options in ((None, {}), ("t", {"subscribePattern": "t"})):
        with pytest.raises(ValueError, match=r"^Give the topics, or None and the opt"):
            kafka.read_stream(spark, topics, **options)
    with pytest.raises(ValueError, match="must not be empty"):
        kafka.read_batch(spark, "")
    with pytest.raises(TypeError, match=r"^spark must be a SparkSession, not str"):
        kafka.read_batch("t", "t")  # type: ignore[arg-type]
