"""The job, as a batch and as a stream, with the fixtures of spark-kafka-testkit."""

from __future__ import annotations

import json
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from orders import read_orders, start, totals
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.pytest_plugin import StreamRunner


def order(number: int, customer: str, amount: float) -> tuple[str, str]:
    value = {"id": str(number), "customer": customer, "amount": amount}
    return str(number), json.dumps(value)


def batch(spark: SparkSession, kafka: KafkaUtils, topic: str) -> DataFrame:
    return (
        spark.read.format("kafka")
        .options(**kafka.spark_options())
        .option("subscribe", topic)
        .load()
    )


def test_totals_of_a_batch(
    kafka_spark: SparkSession, kafka_utils: KafkaUtils, kafka_topic: str
) -> None:
    """The same transformation, without a stream around it."""
    sent = [order(1, "ann", 3.5), order(2, "bob", 1.0), order(3, "ann", 0.25)]
    kafka_utils.send_messages(kafka_topic, sent)
    found = totals(batch(kafka_spark, kafka_utils, kafka_topic))
    assert dict(found.collect()) == {"ann": "3.75", "bob": "1.0"}


def test_what_is_no_order_is_left_out(
    kafka_spark: SparkSession, kafka_utils: KafkaUtils, kafka_topic: str
) -> None:
    """Broken JSON, a missing field, a tombstone."""
    broken = [("1", "{"), ("2", '{"customer": "ann"}'), ("3", None)]
    kafka_utils.send_messages(kafka_topic, [*broken, order(4, "bob", 2.0)])
    found = totals(batch(kafka_spark, kafka_utils, kafka_topic))
    assert dict(found.collect()) == {"bob": "2.0"}


def test_totals_grow_and_survive_a_restart(
    kafka_spark: SparkSession,
    kafka_utils: KafkaUtils,
    kafka_topics: tuple[str, str],
    kafka_stream: StreamRunner,
) -> None:
    """The stream goes on from its checkpoint, with what was sent while it was down."""
    source, sink = kafka_topics
    df = read_orders(kafka_spark, kafka_utils.spark_options(), source)
    stream = kafka_stream(totals(df), sink, output_mode="update")
    stream.add_data(source, [order(1, "ann", 3.0)])
    stream.check_answer({"ann": "3.0"})

    stream.stop()
    stream.add_data(source, [order(2, "ann", 4.0), order(3, "bob", 5.0)])
    stream.start()
    stream.check_answer({"ann": "7.0", "bob": "5.0"})


def test_the_job_as_it_is_started_in_production(
    kafka_spark: SparkSession, kafka_utils: KafkaUtils, tmp_path: Path
) -> None:
    """Its own topics, options and checkpoint."""
    kafka_utils.create_topics(["orders", "totals"])
    kafka_utils.send_messages("orders", [order(1, "ann", 3.0)])
    query = start(kafka_spark, kafka_utils.spark_options(), str(tmp_path))
    try:
        kafka_utils.wait_until_processed(query)
    finally:
        query.stop()
    assert kafka_utils.get_all_records(kafka_spark, "totals") == {"ann": "3.0"}
