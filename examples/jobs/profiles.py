"""Orders get the tier of their customer, from a compacted topic."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def latest(profiles: DataFrame) -> DataFrame:
    """The tier that each customer has now. It is null for who was deleted.

    Args:
        profiles: Kafka's columns, with the customer as key and the tier as value. The
            topic is compacted, but not at once: older values are still there.
    """
    last = F.max_by("value", "offset").cast("string")  # null is a tombstone
    return profiles.groupBy("key").agg(last.alias("tier"))


def with_tier(orders: DataFrame, profiles: DataFrame) -> DataFrame:
    """Each order with the tier of its customer; for a Kafka sink.

    Args:
        orders: Kafka's columns of a stream, with the customer as key.
        profiles: a batch DataFrame of their topic. Spark reads it anew in each batch.
    """
    joined = orders.select("key", "value").join(latest(profiles), "key", "left")
    item = F.col("value").cast("string").alias("item")
    tier = F.coalesce("tier", F.lit("new")).alias("tier")
    return joined.select("key", F.to_json(F.struct(item, tier)).alias("value"))


# --8<-- [end:job]
