"""The stream leaves out what is too late; a backfill by the same function counts it."""

from __future__ import annotations

import json

from pyspark.sql import SparkSession

from spark_kafka_testkit import KafkaUtils, Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner
from traffic import per_ten_minutes


def request(clock: str, status: int = 200) -> Record:
    return Record("GET /", status, timestamp=at(clock))


# --8<-- [start:test]
def test_a_request_may_be_five_minutes_late(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(per_ten_minutes(kafka_read_stream(source)), sink)
    stream.add_data(source, [request("09:01"), request("09:12")])
    stream.process_all_available()
    stream.add_data(source, [request("09:08", 500)])  # late, but in time
    stream.add_data(source, [request("09:16")])
    nine = {"requests": 2, "failed": 1}
    stream.check_answer({"2026-01-01 09:00": nine}, value_deserializer="JSON")
    stream.add_data(source, [request("09:09")])  # the window is closed
    stream.check_late(dropped=1, accepted=4)


def test_a_backfill_counts_all(
    kafka_topic: str, kafka_utils: KafkaUtils, kafka_spark: SparkSession
) -> None:
    day = [request("09:01"), request("09:30"), request("09:09", 500)]
    kafka_utils.send_messages(kafka_topic, day)
    rows = per_ten_minutes(kafka_utils.read_batch(kafka_spark, kafka_topic)).collect()
    assert {row.key[-5:]: json.loads(row.value) for row in rows} == {
        "09:00": {"requests": 2, "failed": 1},
        "09:30": {"requests": 1, "failed": 0},
    }


# --8<-- [end:test]
