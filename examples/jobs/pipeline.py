"""Two jobs in a row: orders are cleaned and keyed anew, and then counted."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery


# --8<-- [start:job]
def cleaned(orders: DataFrame) -> DataFrame:
    """The orders that name a customer, who is their key now; for a Kafka sink.

    Args:
        orders: Kafka's columns, with the shop as key and JSON in `value`.
    """
    customer = F.get_json_object(F.col("value").cast("string"), "$.customer")
    # Not the source's column `partition`, which the sink would obey.
    return orders.select(customer.alias("key"), "value").where("key IS NOT NULL")


def counted(orders: DataFrame) -> DataFrame:
    """How many orders each customer has; for a Kafka sink, in update mode."""
    return orders.groupBy("key").agg(F.count("*").cast("string").alias("value"))


# --8<-- [end:job]
def start_cleaning(
    spark: SparkSession, kafka: Mapping[str, str], checkpoints: str
) -> StreamingQuery:
    """The first job: from `orders` to `orders-clean`."""
    orders = cleaned(_read(spark, kafka, "orders"))
    return _write(orders, kafka, "orders-clean", checkpoints)


def start_counting(
    spark: SparkSession, kafka: Mapping[str, str], checkpoints: str
) -> StreamingQuery:
    """The second job: from `orders-clean` to `counts`."""
    counts = counted(_read(spark, kafka, "orders-clean"))
    return _write(counts, kafka, "counts", checkpoints)


def _read(spark: SparkSession, kafka: Mapping[str, str], topic: str) -> DataFrame:
    reader = spark.readStream.format("kafka").options(**kafka)
    return reader.options(subscribe=topic, startingOffsets="earliest").load()


def _write(
    rows: DataFrame, kafka: Mapping[str, str], topic: str, checkpoints: str
) -> StreamingQuery:
    return (
        rows.writeStream.format("kafka")
        .options(**kafka)
        .option("topic", topic)
        .option("checkpointLocation", f"{checkpoints}/{topic}")
        .outputMode("update")
        .start()
    )
