"""Orders are checked: what is none goes to a dead-letter topic, as it came, with the
reason in a header.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery

SCHEMA = "id STRING, amount DOUBLE, broken STRING"


# --8<-- [start:job]
def routed(records: DataFrame) -> DataFrame:
    """Each record, with the topic that it belongs to."""
    order = F.from_json(
        F.col("value").cast("string"), SCHEMA, {"columnNameOfCorruptRecord": "broken"}
    )
    reason = (
        F.when(F.col("value").isNull(), "no value")
        .when(F.col("order.broken").isNotNull(), "no JSON of an order")
        .when(F.expr("order.id IS NULL OR order.amount IS NULL"), "a field is missing")
    )
    header = F.struct(
        F.lit("reason").alias("key"), F.col("reason").cast("binary").alias("value")
    )
    is_dead = F.col("reason").isNotNull()
    return (
        records.withColumn("order", order)
        .withColumn("reason", reason)
        .select(
            F.when(is_dead, "orders-dead").otherwise("orders-checked").alias("topic"),
            "key",
            "value",
            F.when(is_dead, F.array(header)).alias("headers"),
        )
    )


# --8<-- [end:job]
def start(
    spark: SparkSession, kafka: Mapping[str, str], checkpoint: str
) -> StreamingQuery:
    """The job: from `orders` to `orders-checked` and `orders-dead`."""
    records = (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", "orders")
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        routed(records)
        .writeStream.format("kafka")
        .options(**kafka)
        .option("checkpointLocation", checkpoint)
        .start()
    )
