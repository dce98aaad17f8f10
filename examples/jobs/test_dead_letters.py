"""What is no order is in the dead-letter topic, with the reason."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from dead_letters import start
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.pytest_plugin import StreamFollower


# --8<-- [start:test]
def test_each_record_goes_where_it_belongs(
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_follow: StreamFollower,
    tmp_path: Path,
) -> None:
    kafka_utils.create_topics(["orders", "orders-checked", "orders-dead"])
    query = start(kafka_spark, kafka_utils.spark_options(), str(tmp_path))
    stream = kafka_follow(query, "orders-checked")
    order = {"id": "7", "amount": 2.5}
    sent = [("a", order), ("b", "{"), ("c", {"id": "8"}), ("d", None)]
    stream.add_data("orders", sent)
    stream.check_answer({"a": order}, value_deserializer="JSON")
    dead = kafka_utils.read_records("orders-dead")
    assert {record.key: (record.value, record.headers[0][1]) for record in dead} == {
        "b": ("{", b"no JSON of an order"),
        "c": ('{"id":"8"}', b"a field is missing"),
        "d": (None, b"no value"),
    }


# --8<-- [end:test]
