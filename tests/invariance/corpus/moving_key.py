"""The latest reading of each sensor.

Wrong: the reading with the greatest offset is taken for the latest. That is true while
a sensor's records are in one partition. When partitions are added, the sensor may move
to another one, where offsets begin at 0, and an old reading stays for a long time.
Right: the reading with the newest time is the latest.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, functions

from spark_kafka_testkit import Record, at

INPUTS = {
    "readings": [
        Record("oven", "180", timestamp=at("09:00")),
        Record("lab", "21", timestamp=at("09:01")),
        Record("oven", "190", timestamp=at("09:05")),
        Record("boiler", "61", timestamp=at("09:06")),
        Record("lab", "22", timestamp=at("09:08")),
        Record("oven", "185", timestamp=at("09:10")),
        Record("boiler", "64", timestamp=at("09:12")),
        Record("lab", "20", timestamp=at("09:15")),
    ]
}
OPTIONS = {"output_mode": "update", "answer": "latest"}


def wrong(readings: DataFrame) -> DataFrame:
    return latest(readings, by="offset")


def right(readings: DataFrame) -> DataFrame:
    return latest(readings, by="timestamp")


def latest(readings: DataFrame, by: str) -> DataFrame:
    return (
        readings.selectExpr(
            "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value", by
        )
        .groupBy("key")
        .agg(functions.max_by("value", by).alias("value"))
    )
