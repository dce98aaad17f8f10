"""Orders, filed by day.

Wrong: to be safe if it runs again, a batch overwrites the partitions of the table that
it has rows for. So it also overwrites what earlier batches wrote for that day, and only
the last batch of each day is left. Right: the batch's number is another level of the
partitions, and a batch overwrites only its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at


def answer(run: Any) -> list[tuple[Any, ...]]:
    if not Path(run.path, "orders").exists():
        return []
    table = run.spark.read.schema("key STRING, amount LONG, day STRING")
    orders = table.parquet(f"{run.path}/orders").select("key", "amount", "day")
    return sorted(map(tuple, orders.collect()))


INPUTS = {
    "orders": [
        Record("o1", "12", timestamp=at("21:30", "2026-03-02")),
        Record("o2", "7", timestamp=at("22:10", "2026-03-02")),
        Record("o3", "99", timestamp=at("23:58", "2026-03-02")),
        Record("o4", "15", timestamp=at("00:03", "2026-03-03")),
        Record("o5", "3", timestamp=at("23:59", "2026-03-02")),
        Record("o6", "21", timestamp=at("00:40", "2026-03-03")),
        Record("o7", "64", timestamp=at("08:15", "2026-03-03")),
    ]
}
OPTIONS = {"answer": answer}


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        writer = batch.write.mode("overwrite").partitionBy("day")
        writer.option("partitionOverwriteMode", "dynamic").parquet(f"{run.path}/orders")

    writer = filed(orders).writeStream.option("checkpointLocation", run.checkpoint)
    return writer.foreachBatch(save).start()


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        numbered = batch.withColumn("batch", sf.lit(number))
        writer = numbered.write.mode("overwrite").partitionBy("day", "batch")
        writer.option("partitionOverwriteMode", "dynamic").parquet(f"{run.path}/orders")

    writer = filed(orders).writeStream.option("checkpointLocation", run.checkpoint)
    return writer.foreachBatch(save).start()


def filed(orders: DataFrame) -> DataFrame:
    return orders.selectExpr(
        "CAST(key AS STRING) AS key",
        "CAST(CAST(value AS STRING) AS LONG) AS amount",
        "date_format(timestamp, 'yyyy-MM-dd') AS day",
    )
