"""A sample of the orders, which somebody looks at by hand.

Wrong: `limit()` takes the orders that come first, which depends on batches and
partitions. Right: the customer's name decides whether an order is in the sample.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("dan", "rum", timestamp=at("09:01")),
        Record("bob", "gin", timestamp=at("09:04")),
        Record("eve", "ale", timestamp=at("09:05")),
        Record("fay", "tea", timestamp=at("09:07")),
        Record("gus", "rum", timestamp=at("09:08")),
        Record("ada", "gin", timestamp=at("09:10")),
    ]
}


def wrong(orders: DataFrame) -> DataFrame:
    return texts(orders.limit(2))


def right(orders: DataFrame) -> DataFrame:
    return texts(orders.where("crc32(key) % 3 = 0"))


def texts(orders: DataFrame) -> DataFrame:
    return orders.selectExpr(
        "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS item"
    )
