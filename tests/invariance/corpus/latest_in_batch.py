"""The latest reading of each sensor, for a dashboard that reads a compacted topic.

Wrong: `groupBy` inside `foreachBatch` finds the latest reading of one batch. If a
sensor holds a reading back and it comes in a later batch, it replaces a newer one.
Right: the same `groupBy` in the stream, which remembers the newest reading.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "readings": [
        Record("oven", "180", timestamp=at("09:00")),
        Record("room", "21", timestamp=at("09:01")),
        Record("oven", "190", timestamp=at("09:10")),
        Record("oven", "185", timestamp=at("09:05")),  # kept back
        Record("cellar", "12", timestamp=at("09:11")),
        Record("room", "22", timestamp=at("09:12")),
        Record("room", "20", timestamp=at("09:08")),  # kept back
    ]
}
OPTIONS = {"answer": "latest", "late": timedelta(minutes=30)}


def wrong(readings: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        send(latest(batch), run)

    return start(readings, save, run)


def right(readings: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        send(batch, run)

    return start(latest(readings), save, run)


def latest(readings: DataFrame) -> DataFrame:
    """The newest value of each key."""
    newest = functions.max(functions.struct("timestamp", "value"))
    return readings.groupBy("key").agg(newest.getField("value").alias("value"))


def send(batch: DataFrame, run: Any) -> None:
    sink = batch.select("key", "value").write.format("kafka")
    sink.options(topic=run.topic, **run.kafka_options).save()


def start(rows: DataFrame, save: Any, run: Any) -> StreamingQuery:
    return (
        rows.writeStream.outputMode("update")
        .foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
