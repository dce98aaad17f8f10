"""Requests and errors of a site, per ten minutes."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def per_ten_minutes(requests: DataFrame) -> DataFrame:
    """How many requests each ten minutes had, and how many failed; for a Kafka sink.

    Args:
        requests: Kafka's columns, with the status as value. As a stream, what comes
            more than five minutes late is left out. As a batch, all is counted.
    """
    window = F.window("timestamp", "10 minutes").alias("window")
    status = F.col("value").cast("string").cast("int")
    counted = (
        requests.withWatermark("timestamp", "5 minutes")
        .groupBy(window)
        .agg(F.count("*").alias("requests"), F.count_if(status >= 500).alias("failed"))
    )
    return counted.select(
        F.date_format("window.start", "yyyy-MM-dd HH:mm").alias("key"),
        F.to_json(F.struct("requests", "failed")).alias("value"),
    )


# --8<-- [end:job]
