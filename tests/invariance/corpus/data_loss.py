"""Orders, copied from one topic to another.

Wrong: `failOnDataLoss` is false, which somebody set when the job would not start. What
Kafka deleted before the job read it is skipped silently. Right: the default, with which
the query dies of that.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("o-1", "tea", timestamp=at("09:00")),
        Record("o-2", "rum", timestamp=at("09:01")),
        Record("o-3", "tea", timestamp=at("09:04")),
        Record("o-4", "gin", timestamp=at("09:06")),
        Record("o-5", "ale", timestamp=at("09:07")),
        Record("o-6", "rum", timestamp=at("09:11")),
    ]
}
OPTIONS = {"answer": "latest"}


def wrong(run: Any) -> StreamingQuery:
    return start(run, failOnDataLoss="false")


def right(run: Any) -> StreamingQuery:
    return start(run)


def start(run: Any, **options: str) -> Any:
    orders = (
        run.spark.readStream.format("kafka")
        .options(**run.kafka_options, **options)
        .option("subscribe", run.topics["orders"])
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        orders.select("key", "value")
        .writeStream.format("kafka")
        .options(topic=run.topic, **run.kafka_options)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
