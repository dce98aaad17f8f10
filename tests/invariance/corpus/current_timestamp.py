"""The orders of each customer in each hour.

Wrong: the hour is the one in which the job sees the order, `current_timestamp()`. After
an outage, everything that has waited counts for the hour of the restart. Right: the
hour of the record's own time.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, functions

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:05")),
        Record("bob", "rum", timestamp=at("09:20")),
        Record("ada", "tea", timestamp=at("09:40")),
        Record("ada", "gin", timestamp=at("10:02")),
        Record("bob", "ale", timestamp=at("10:10")),
        Record("bob", "ale", timestamp=at("10:12")),
    ]
}
OPTIONS = {"output_mode": "update", "answer": "latest", "key": ["key", "hour"]}


def wrong(orders: DataFrame) -> DataFrame:
    return by_hour(orders.withColumn("ordered", functions.current_timestamp()))


def right(orders: DataFrame) -> DataFrame:
    return by_hour(orders.withColumn("ordered", functions.col("timestamp")))


def by_hour(orders: DataFrame) -> DataFrame:
    return (
        orders.withWatermark("ordered", "15 minutes")
        .groupBy("key", functions.window("ordered", "1 hour"))
        .agg(functions.count("*").alias("orders"))
        .selectExpr(
            "CAST(key AS STRING) AS key",
            "date_format(window.start, 'HH:mm') AS hour",
            "orders",
        )
    )
