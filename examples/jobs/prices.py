"""Orders are priced by a table that is written anew every night."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery


# --8<-- [start:job]
def priced(orders: DataFrame, prices: DataFrame) -> DataFrame:
    """Each order with what it costs, or `no price`; for a Kafka sink.

    Args:
        orders: Kafka's columns, with the item in `value`.
        prices: a table of `item` and `price`.
    """
    ordered = orders.selectExpr("key", "STRING(value) AS item")
    price = F.coalesce(F.col("price").cast("string"), F.lit("no price"))
    joined = ordered.join(prices, "item", "left")
    return joined.select("key", price.alias("value"))


def start(
    spark: SparkSession, kafka: Mapping[str, str], checkpoint: str, table: str
) -> StreamingQuery:
    """The job: from `orders` to `bills`, with the prices in the folder `table`."""

    def save(orders: DataFrame, _: int) -> None:
        # Read in each batch: a DataFrame made at the start keeps that day's files.
        prices = orders.sparkSession.read.parquet(table)
        bills = priced(orders, prices)
        bills.write.format("kafka").options(**kafka).option("topic", "bills").save()

    orders = (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", "orders")
        .option("startingOffsets", "earliest")
        .load()
    )
    writer = orders.writeStream.foreachBatch(save)
    return writer.option("checkpointLocation", checkpoint).start()


# --8<-- [end:job]
