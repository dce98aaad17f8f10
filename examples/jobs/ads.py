"""Which impressions of ads were clicked: a join of two streams."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it

# --8<-- [start:job]
WITHIN = "click = key AND clicked BETWEEN shown AND shown + INTERVAL 1 HOUR"


def outcomes(impressions: DataFrame, clicks: DataFrame) -> DataFrame:
    """Each impression, with the seconds until it was clicked, or null when an hour is
    over; for a Kafka sink.

    Args:
        impressions, clicks: Kafka's columns, with the impression's id as key.
    """
    shown = impressions.select("key", F.col("timestamp").alias("shown"))
    clicked = clicks.selectExpr("key AS click", "timestamp AS clicked")
    seconds = F.unix_seconds("clicked") - F.unix_seconds("shown")
    return (
        shown.withWatermark("shown", "5 minutes")
        .join(
            clicked.withWatermark("clicked", "5 minutes"), F.expr(WITHIN), "leftOuter"
        )
        .select("key", seconds.cast("string").alias("value"))
    )


# --8<-- [end:job]
