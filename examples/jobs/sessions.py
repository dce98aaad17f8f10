"""Visits of users: page views with less than half an hour between them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def visits(views: DataFrame) -> DataFrame:
    """How many pages each visit had, and how many minutes it took; for a Kafka sink.

    Args:
        views: Kafka's columns, with the user as key.
    """
    start, end = F.unix_seconds("visit.start"), F.unix_seconds("visit.end")
    return (
        views.withWatermark("timestamp", "10 minutes")
        .groupBy("key", F.session_window("timestamp", "30 minutes").alias("visit"))
        .agg(F.count("*").alias("pages"))
        .withColumn("minutes", ((end - start) / 60 - 30).cast("int"))
        .select("key", F.to_json(F.struct("pages", "minutes")).alias("value"))
    )


# --8<-- [end:job]
