"""Each event is in the files once, and in the folder of its own hour."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from archive import start
from spark_kafka_testkit import KafkaUtils, Record, at
from spark_kafka_testkit.pytest_plugin import StreamFollower


# --8<-- [start:test]
def test_each_event_is_in_the_folder_of_its_hour(
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    kafka_follow: StreamFollower,
    tmp_path: Path,
) -> None:
    kafka_utils.create_topics(["events"])
    kafka, folder = kafka_utils.spark_options(), tmp_path / "archive"
    settings = kafka, str(tmp_path / "checkpoint"), str(folder)
    nine, ten = (Record(time, "x", timestamp=at(time)) for time in ("09:59", "10:00"))
    kafka_utils.send_messages("events", [nine, ten])
    stream = kafka_follow(  # the first run
        lambda: start(kafka_spark, *settings),
        answer=lambda: kafka_spark.read.parquet(str(folder)),
    )
    with stream.crash("after_sink"):  # the run of the next hour
        stream.add_data("events", [Record("late", "x", timestamp=at("09:58"))])
    stream.start()
    stream.check_exactly_once(["09:59", "10:00", "late"])
    files = kafka_spark.read.parquet(f"{folder}/day=2026-01-01/hour=09")
    assert {row.key for row in files.collect()} == {"09:59", "late"}


# --8<-- [end:test]
