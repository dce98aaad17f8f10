"""Payments are sent again, up to an hour later, by clients that saw no answer.

Wrong: the delay of the watermark fits how late a record may come, but
`dropDuplicatesWithinWatermark` also forgets a payment when that time has passed.
Whether a repeat of half an hour later is dropped depends on whether the watermark moved
before it came: not within a batch. Right: the delay is longer than the time in which a
payment may be repeated.
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
