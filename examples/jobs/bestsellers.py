"""What sells best: the top items of each hour."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def bestsellers(sales: DataFrame, count: int) -> DataFrame:
    """The items sold most in each hour, the first one first; for a Kafka sink.

    Args:
        sales: Kafka's columns, with the item as key and the pieces as value.
        count: how many items.
    """
    hour = F.window("timestamp", "1 hour").alias("hour")
    pieces = F.col("value").cast("string").cast("int")
    sold = (
        sales.withWatermark("timestamp", "10 minutes")
        .groupBy(hour, F.col("key").cast("string").alias("item"))
        .agg((-F.sum(pieces)).alias("rank"))
    )
    ranked = F.array_sort(F.collect_list(F.struct("rank", "item"))).item
    top = sold.groupBy("hour").agg(F.slice(ranked, 1, count).alias("top"))
    return top.select(
        F.date_format("hour.start", "yyyy-MM-dd HH:mm").alias("key"),
        F.to_json("top").alias("value"),
    )


# --8<-- [end:job]
