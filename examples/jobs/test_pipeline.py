"""An order goes through both jobs, and a customer's orders meet in one partition."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipeline import start_cleaning, start_counting
from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.pytest_plugin import StreamFollower


# --8<-- [start:test]
def test_orders_go_through_both_jobs(
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_follow: StreamFollower,
    tmp_path: Path,
) -> None:
    topics = ["orders", "orders-clean", "counts"]
    kafka_utils.create_topics(topics, num_partitions=3)
    job = kafka_spark, kafka_utils.spark_options(), str(tmp_path)
    cleaning = kafka_follow(start_cleaning(*job), "orders-clean")
    counting = kafka_follow(start_counting(*job), "counts")
    customers = ["ann", "bob", "ann", None, "ann"]
    orders = [
        Record("shop", {"customer": name}, partition=number % 3)
        for number, name in enumerate(customers)
    ]
    kafka_utils.send_messages("orders", orders)
    kafka_utils.wait_until_processed(cleaning.query, counting.query)
    counts = kafka_utils.get_all_records(kafka_spark, "counts")
    assert counts == {"ann": "3", "bob": "1"}
    clean = kafka_utils.read_records("orders-clean")
    assert len({(order.key, order.partition) for order in clean}) == 2


# --8<-- [end:test]
