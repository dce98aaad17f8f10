"""What a crash at each point of a batch does to each sink, and what follows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._queries.batch_log import BatchLog

from .conftest import Queries
from .test_final_answers import upper

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

LONG = 900.0
SENT = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """A sink topic; the source topic is made too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


@pytest.mark.parametrize("trigger", [{}, {"availableNow": True}], ids=["", "stepped"])
@pytest.mark.parametrize(
    ("point", "at_the_crash", "again"),
    [
        ("before_sink", [], []),
        ("in_task", SENT[:2], SENT[:2]),
        ("after_sink", SENT, SENT),
    ],
)
def test_a_topic_has_twice_what_it_had_at_the_crash(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink: str,
    point: Any,
    at_the_crash: list[tuple[str, str]],
    again: list[tuple[str, str]],
    trigger: dict[str, Any],
) -> None:
    """Kafka's sink is at-least-once: nothing is lost."""
    df = upper(queries.source(topic))
    with kafka.run_stream(df, sink, trigger=trigger, timeout=LONG) as run:
        run.add_data(topic, [("z", "0")])
        if trigger:
            run.next_batch()
        with run.crash(point) as crash:
            run.add_data(topic, SENT)
        assert crash.has_come
        assert not run.query.isActive
        run.check_answer([("z", "0"), *at_the_crash])
        run.start()
        if trigger:
            run.query.awaitTermination(60)
        run.check_answer([("z", "0"), *SENT, *again])


def test_a_killed_driver_loses_nothing(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Its Spark is one that was started for it, and is gone. The session of the test
    goes on from its checkpoint.
    """
    options, checkpoint = kafka.spark_options(), queries.checkpoint

    def job(spark: SparkSession) -> StreamingQuery:
        return (
            spark.readStream.format("kafka")
            .options(subscribe=topic, startingOffsets="earliest", **options)
            .load()
            .selectExpr("key", "upper(CAST(value AS STRING)) AS value")
            .writeStream.format("kafka")
            .options(topic=sink, checkpointLocation=checkpoint, **options)
            .start()
        )

    with kafka.follow(job, sink, timeout=LONG) as run:
        run.add_data(topic, [("z", "0")])
        with run.crash("driver") as crash:
            run.add_data(topic, SENT)
        assert crash.has_come
        log = BatchLog(Path(checkpoint))
        assert log.last_begun == crash.batch == log.last_committed + 1
        run.start()
        run.process_all_available()
        assert {"z", "a", "b", "c", "d"} == set(kafka.get_all_records(None, sink))
        assert log.last_committed == crash.batch
