"""Each event reaches its region with its headers. An unknown region stops nothing."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from regions import start
from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.pytest_plugin import StreamFollower


# --8<-- [start:test]
def test_each_event_reaches_its_region(
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_follow: StreamFollower,
    tmp_path: Path,
) -> None:
    kafka_utils.create_topics(["events", "events-eu", "events-us", "events-parked"])
    kafka = kafka_utils.spark_options()
    query = start(kafka_spark, kafka, str(tmp_path), ["eu", "us"])
    stream = kafka_follow(query, "events-eu")
    eu, us, mars = ({"region": name} for name in ("eu", "us", "mars"))
    traced = Record("ann", eu, headers=(("trace-id", b"7f3a"),))
    stream.add_data("events", [traced, ("bob", us), ("eve", mars), ("joe", "no JSON")])
    stream.check_answer([traced], value_deserializer="JSON")
    assert set(kafka_utils.get_all_records(kafka_spark, "events-us")) == {"bob"}
    parked = kafka_utils.get_all_records(kafka_spark, "events-parked")
    assert set(parked) == {"eve", "joe"}


# --8<-- [end:test]
