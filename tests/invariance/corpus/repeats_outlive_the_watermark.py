"""Payments, which clients send again up to an hour later if they saw no answer.

Wrong: the delay of the watermark fits how late a record may come, but
`dropDuplicatesWithinWatermark` also forgets a payment after that time. A repeat half an
hour later is dropped only if the watermark has not moved before it comes, as within one
batch. Right: the delay is longer than the time within which a payment may be repeated.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import DataFrame

from spark_kafka_testkit import Record, at

INPUTS = {
    "payments": [
        Record("p1", "40", timestamp=at("09:00")),
        Record("p2", "15", timestamp=at("09:02")),
        Record("p2", "15", timestamp=at("09:03")),
        Record("p3", "99", timestamp=at("09:20")),
        Record("p1", "40", timestamp=at("09:31")),
        Record("p4", "7", timestamp=at("09:35")),
        Record("p3", "99", timestamp=at("09:55")),
        Record("p2", "15", timestamp=at("10:01")),
        Record("p5", "31", timestamp=at("10:05")),
    ]
}
OPTIONS = {"late": timedelta(minutes=10)}


def wrong(payments: DataFrame) -> DataFrame:
    return once(payments, "15 minutes")


def right(payments: DataFrame) -> DataFrame:
    return once(payments, "2 hours")


def once(payments: DataFrame, delay: str) -> DataFrame:
    return (
        payments.withWatermark("timestamp", delay)
        .selectExpr(
            "CAST(key AS STRING) AS key",
            "CAST(CAST(value AS STRING) AS LONG) AS amount",
            "timestamp",
        )
        .dropDuplicatesWithinWatermark(["key"])
        .select("key", "amount")
    )
