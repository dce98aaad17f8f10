"""Running totals of orders, per customer."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["start", "totals"]

SCHEMA = "id STRING, customer STRING, amount DOUBLE"


def totals(orders: DataFrame) -> DataFrame:
    """What has been ordered by each customer, ready for a Kafka sink.

    Args:
        orders: Kafka's columns, with an order as JSON in `value`. What is no order is
            left out.
    """
    order = F.from_json(F.col("value").cast("string"), SCHEMA)
    return (
        orders.select(order.alias("order"))
        .where("order.customer IS NOT NULL AND order.amount IS NOT NULL")
        .groupBy(F.col("order.customer").alias("key"))
        .agg(F.round(F.sum("order.amount"), 2).cast("string").alias("value"))
    )


def start(
    spark: SparkSession, bootstrap_servers: str, checkpoint: str
) -> StreamingQuery:
    """The job: from the topic `orders` to the topic `totals`."""
    orders = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", "orders")
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        totals(orders)
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("topic", "totals")
        .option("checkpointLocation", checkpoint)
        .outputMode("update")
        .start()
    )
