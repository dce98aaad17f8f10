"""Small jobs, wrong in one way each, for the tests of check_stream."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import JobRun, Record, at

ORDERS = {
    "orders": [
        Record(f"k{number % 3}", f"v{number}", timestamp=at("09:00") + age)
        for number, age in enumerate(
            timedelta(seconds=second // 2) for second in range(8)
        )
    ]
}


def texts(orders: DataFrame) -> DataFrame:
    """Key and value as text."""
    return orders.selectExpr(
        "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value", "timestamp"
    )


def copied(orders: DataFrame) -> DataFrame:
    return texts(orders).select("key", "value")


def counted(orders: DataFrame) -> DataFrame:
    return texts(orders).groupBy("key").agg(sf.count("*").alias("orders"))


def zero_watermark(orders: DataFrame) -> DataFrame:
    return (
        texts(orders)
        .withWatermark("timestamp", "0 seconds")
        .dropDuplicates(["key", "timestamp"])
        .select("key", "value")
    )


def random_values(orders: DataFrame) -> DataFrame:
    return texts(orders).select("key", sf.rand().alias("value"))


def by_partition(orders: DataFrame) -> DataFrame:
    return orders.groupBy("partition").agg(sf.count("*").alias("orders"))


def batches_written(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Each row with the number of its batch."""

    def write(df: DataFrame, number: int) -> None:
        rows = df.withColumn("batch", sf.lit(number))
        rows.write.mode("overwrite").json(f"{run.path}/{number}")

    return started(copied(orders), write, run)


def appended(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Not idempotent."""

    def write(df: DataFrame, _: int) -> None:
        df.write.mode("append").json(f"{run.path}/all")

    return started(copied(orders), write, run)


def overwritten(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Idempotent."""

    def write(df: DataFrame, number: int) -> None:
        df.write.mode("overwrite").json(f"{run.path}/{number}")

    return started(copied(orders), write, run)


def started(df: DataFrame, write: Any, run: JobRun) -> StreamingQuery:
    return (
        df.writeStream.foreachBatch(write)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )


def written(run: JobRun) -> list[str]:
    """The lines of all files, whatever the folder."""
    return sorted(
        line
        for file in Path(run.path).glob("*/part-*")
        for line in file.read_text().splitlines()
    )
