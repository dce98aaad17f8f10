"""Running totals of orders per customer: a script for spark-submit."""

from __future__ import annotations

import argparse

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it


# --8<-- [start:job]
def totals(orders: DataFrame) -> DataFrame:
    """The total of each customer, for a Kafka sink.

    Args:
        orders: Kafka's columns, with the customer as key and an order as JSON in
            `value`.
    """
    order = F.from_json(F.col("value").cast("string"), "amount DOUBLE")
    return orders.groupBy("key").agg(
        F.round(F.sum(order.amount), 2).cast("string").alias("value")
    )


# --8<-- [end:job]
def main() -> None:
    """Runs until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--checkpoint", required=True)
    arguments = parser.parse_args()
    kafka = {"kafka.bootstrap.servers": arguments.broker}
    spark = SparkSession.builder.appName("totals").getOrCreate()
    orders = (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", "orders")
        .option("startingOffsets", "earliest")
        .load()
    )
    query = (
        totals(orders)
        .writeStream.format("kafka")
        .options(**kafka)
        .option("topic", "totals")
        .option("checkpointLocation", arguments.checkpoint)
        .outputMode("update")
        .start()
    )
    query.awaitTermination()


if __name__ == "__main__":
    main()
