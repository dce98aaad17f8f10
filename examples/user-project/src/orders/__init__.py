"""Running totals of orders, per customer."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["read_orders", "start", "totals"]

SCHEMA = "id STRING, customer STRING, amount DOUBLE"


def read_orders(
    spark: SparkSession, kafka: Mapping[str, str], topic: str = "orders"
) -> DataFrame:
    """The stream of orders.

    Args:
        spark: the session.
        kafka: options of Spark's Kafka source and sink: in production an address and
            passwords, in a test `KafkaUtils.spark_options()`.
        topic: where the orders are.
    """
    return (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .load()
    )


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
    spark: SparkSession, kafka: Mapping[str, str], checkpoint: str
) -> StreamingQuery:
    """The job: from the topic `orders` to the topic `totals`."""
    return (
        totals(read_orders(spark, kafka))
        .writeStream.format("kafka")
        .options(**kafka)
        .option("topic", "totals")
        .option("checkpointLocation", checkpoint)
        .outputMode("update")
        .start()
    )
