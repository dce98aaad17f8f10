"""Orders, cleaned and sent on to a topic that another service joins with its own.

Wrong: all columns of the source are written, and Kafka's sink obeys the one that is
called `partition` (SPARK-29500). So a record goes to the partition that it came from.
The service looks for it in the partition of its key. Right: only key and value are
written.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("bob", "rum", timestamp=at("09:01")),
        Record("eve", "gin", timestamp=at("09:04")),
        Record("ada", "ale", timestamp=at("09:05")),
        Record("dan", "rum", timestamp=at("09:07")),
        Record("bob", "tea", timestamp=at("09:09")),
        Record("fay", "gin", timestamp=at("09:10")),
    ]
}


def answer(run: Any) -> set[tuple[str, int]]:
    """The keys in the sink topic, each with its partition."""
    topic = {"subscribe": run.topic, **run.kafka_options}
    records = run.spark.read.format("kafka").options(**topic).load()
    places = records.selectExpr("CAST(key AS STRING)", "partition")
    return set(map(tuple, places.collect()))


OPTIONS = {"answer": answer}


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    return start(orders.select("key", "value", "partition"), run)


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    return start(orders.select("key", "value"), run)


def start(orders: DataFrame, run: Any) -> StreamingQuery:
    return (
        orders.where("value IS NOT NULL")
        .writeStream.format("kafka")
        .options(topic=run.topic, **run.kafka_options)
        .option("kafka.max.block.ms", "2000")  # how long to look for a partition
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
