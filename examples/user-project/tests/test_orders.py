"""The job, as a batch and as a stream."""

from __future__ import annotations

import json
from pathlib import Path

from orders import start, totals
from pyspark.sql import SparkSession

from spark_kafka_testkit import KafkaUtils


def order(number: int, customer: str, amount: float) -> tuple[str, str]:
    value = {"id": str(number), "customer": customer, "amount": amount}
    return str(number), json.dumps(value)


def test_totals_of_a_batch(spark: SparkSession, kafka: KafkaUtils) -> None:
    """The same transformation, without a stream around it."""
    sent = [order(1, "ann", 3.5), order(2, "bob", 1.0), order(3, "ann", 0.25)]
    kafka.send_messages("orders", sent)
    found = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", "orders")
        .load()
    )
    assert dict(totals(found).collect()) == {"ann": "3.75", "bob": "1.0"}


def test_what_is_no_order_is_left_out(spark: SparkSession, kafka: KafkaUtils) -> None:
    """Broken JSON, a missing field, a tombstone."""
    broken = [("1", "{"), ("2", '{"customer": "ann"}'), ("3", None)]
    kafka.send_messages("orders", [*broken, order(4, "bob", 2.0)])
    found = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.broker)
        .option("subscribe", "orders")
        .load()
    )
    assert dict(totals(found).collect()) == {"bob": "2.0"}


def test_totals_grow_and_survive_a_restart(
    spark: SparkSession, kafka: KafkaUtils, tmp_path: Path
) -> None:
    """The job goes on from its checkpoint."""
    query = start(spark, kafka.broker, str(tmp_path))
    try:
        kafka.send_messages("orders", [order(1, "ann", 3.0)])
        kafka.assert_eventually(
            lambda: kafka.get_all_records(spark, "totals"), {"ann": "3.0"}
        )
    finally:
        query.stop()
    kafka.send_messages("orders", [order(2, "ann", 4.0), order(3, "bob", 5.0)])
    query = start(spark, kafka.broker, str(tmp_path))
    try:
        kafka.assert_eventually(
            lambda: kafka.get_all_records(spark, "totals"), {"ann": "7.0", "bob": "5.0"}
        )
    finally:
        query.stop()
