"""Orders and their payments: an inner join of two streams that forgets in time."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it

# --8<-- [start:job]
PAID = "id = paid_id AND paid BETWEEN placed AND placed + INTERVAL 1 HOUR"


def paid_orders(orders: DataFrame, payments: DataFrame) -> DataFrame:
    """Each order that was paid within the hour, with how; for a Kafka sink.

    Args:
        orders, payments: Kafka's columns, with the order's number as key.
    """
    placed = orders.selectExpr("key AS id", "timestamp AS placed")
    paid = payments.selectExpr("key AS paid_id", "value AS how", "timestamp AS paid")
    joined = placed.withWatermark("placed", "10 minutes").join(
        paid.withWatermark("paid", "10 minutes"), F.expr(PAID)
    )
    return joined.selectExpr("id AS key", "how AS value")


# --8<-- [end:job]
