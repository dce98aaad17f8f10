"""Visits that a shop's pages report, each counted once, although some come twice.

Wrong: with a delay of 0, the watermark is the newest time seen so far, and a record of
exactly that time is late in the next batch. Which visits of the same second are dropped
depends on where a batch ends (apache/spark#56043). Right: the delay is the disorder
that the job must tolerate.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from spark_kafka_testkit import Record, at

INPUTS = {
    "visits": [
        Record("ada", "home", timestamp=at("09:00:00")),
        Record("bob", "home", timestamp=at("09:00:00")),
        Record("ada", "shoes", timestamp=at("09:00:04")),
        Record("eve", "home", timestamp=at("09:00:04")),
        Record("ada", "shoes", timestamp=at("09:00:04")),  # reported twice
        Record("bob", "hats", timestamp=at("09:00:07")),
        Record("eve", "hats", timestamp=at("09:00:07")),
        Record("eve", "cart", timestamp=at("09:00:12")),
    ]
}


def wrong(visits: DataFrame) -> DataFrame:
    return once(visits.withWatermark("timestamp", "0 seconds"))


def right(visits: DataFrame) -> DataFrame:
    return once(visits.withWatermark("timestamp", "10 minutes"))


def once(visits: DataFrame) -> DataFrame:
    """Each visit, the first time that it is reported."""
    return visits.dropDuplicates(["key", "value", "timestamp"]).selectExpr(
        "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS page"
    )
