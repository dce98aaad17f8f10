"""Where each order is: the last status that two systems report."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def statuses(shop: DataFrame, warehouse: DataFrame) -> DataFrame:
    """The last status of each order; for a Kafka sink, in update mode.

    Args:
        shop, warehouse: Kafka's columns, with the order as key, and as value the status
            and the time that it has been so `since`, as JSON.
    """
    reported = shop.select("key", "value").union(warehouse.select("key", "value"))
    report = F.from_json(F.col("value").cast("string"), "status STRING, since STRING")
    last = F.max_by(report.status, report.since)  # not the last that came
    return reported.groupBy(F.col("key").cast("string").alias("key")).agg(
        last.alias("value")
    )


# --8<-- [end:job]
