"""Orders with the payment that comes within half an hour, or with none.

Wrong: only the payments have a watermark. Spark accepts the join, but never lets go of
an order, so the rows of unpaid orders never come. SPARK-58904 proposes that Spark
refuses such joins (apache/spark#58238). Right: a watermark on both sides.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, functions

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("o-1", "tea", timestamp=at("09:00")),
        Record("o-2", "rum", timestamp=at("09:05")),  # never paid
        Record("o-3", "gin", timestamp=at("09:20")),
        Record("o-4", "ale", timestamp=at("09:40")),  # paid too late
    ],
    "payments": [
        Record("o-1", "card", timestamp=at("09:02")),
        Record("o-3", "cash", timestamp=at("09:35")),
        Record("o-4", "card", timestamp=at("10:30")),
    ],
}


def wrong(orders: DataFrame, payments: DataFrame) -> DataFrame:
    return paid(orders, payments.withWatermark("timestamp", "10 minutes"))


def right(orders: DataFrame, payments: DataFrame) -> DataFrame:
    return paid(
        orders.withWatermark("timestamp", "10 minutes"),
        payments.withWatermark("timestamp", "10 minutes"),
    )


def paid(orders: DataFrame, payments: DataFrame) -> DataFrame:
    in_time = functions.expr(
        "o.key = p.key "
        "AND p.timestamp BETWEEN o.timestamp AND o.timestamp + INTERVAL 30 MINUTES"
    )
    return (
        orders.alias("o")
        .join(payments.alias("p"), in_time, "leftOuter")
        .selectExpr("CAST(o.key AS STRING) AS key", "CAST(p.value AS STRING) AS paid")
    )
