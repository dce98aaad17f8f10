"""Meter readings, each of them once, however often a gateway sends it."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def once(readings: DataFrame) -> DataFrame:
    """The first of all readings that have one id, within a day; for a Kafka sink.

    Args:
        readings: Kafka's columns, with the meter as key and an `id` in the JSON of
            `value`. A gateway that gets no answer sends a reading again, and with the
            time of then.
    """
    return (
        readings.withColumn(
            "id", F.get_json_object(F.col("value").cast("string"), "$.id")
        )
        .withWatermark("timestamp", "1 day")
        .dropDuplicatesWithinWatermark(["id"])
        .select("key", "value")
    )


# --8<-- [end:job]
