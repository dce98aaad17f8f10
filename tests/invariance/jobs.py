"""Small jobs for the tests of check_stream. The wrong ones have one fault each."""

from __future__ import annotations

from collections.abc import Callable
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
    """The key and value as text, and the timestamp."""
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


def dated(orders: DataFrame) -> DataFrame:
    today = sf.current_date().cast("string")
    return texts(orders).select("key", today.alias("value"))


def numbered(orders: DataFrame) -> DataFrame:
    """The number of orders of each key, as text."""
    return counted(orders).selectExpr("key", "CAST(orders AS STRING) AS value")


def twice(orders: DataFrame) -> DataFrame:
    return copied(orders).union(copied(orders))


def of_three(north: DataFrame, south: DataFrame, east: DataFrame) -> DataFrame:
    return copied(north).union(copied(south)).union(copied(east))


def by_partition(orders: DataFrame) -> DataFrame:
    return orders.groupBy("partition").agg(sf.count("*").alias("orders"))


def batches_written(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Write each row with the number of its batch."""

    def write(df: DataFrame, number: int) -> None:
        rows = df.withColumn("batch", sf.lit(number))
        rows.write.mode("overwrite").json(f"{run.path}/{number}")

    return started(copied(orders), write, run)


def forgets_to_return(orders: DataFrame) -> None:
    orders.writeStream.format("noop").start()


def shares(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Write each key with the number of records of all keys in the batch."""

    def write(df: DataFrame, _: int) -> None:
        counted = df.select("key", sf.lit(str(df.count())).alias("value"))
        sink = counted.write.format("kafka").options(**run.kafka_options)
        sink.option("topic", run.topic).save()

    return started(copied(orders), write, run)


def appended(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Append the rows of each batch, which is not idempotent."""

    def write(df: DataFrame, _: int) -> None:
        df.write.mode("append").json(f"{run.path}/all")

    return started(copied(orders), write, run)


def overwritten(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Overwrite the rows of the same batch, which is idempotent."""

    def write(df: DataFrame, number: int) -> None:
        df.write.mode("overwrite").json(f"{run.path}/{number}")

    return started(copied(orders), write, run)


def in_two_queries(orders: DataFrame, run: JobRun) -> list[StreamingQuery]:
    """Two queries with a topic between them, the second of which is idempotent."""
    return [cleaned(orders, run), filed(run, lambda number: f"{number}")]


def with_one_file(orders: DataFrame, run: JobRun) -> list[StreamingQuery]:
    """Two queries, the second of which overwrites what its earlier batches wrote."""
    return [cleaned(orders, run), filed(run, lambda _: "all")]


def cleaned(orders: DataFrame, run: JobRun) -> StreamingQuery:
    return to_topic(copied(orders), run)


def filed(run: JobRun, name: Callable[[int], str]) -> StreamingQuery:
    """Write each batch of what `cleaned` wrote to the folder that `name` returns."""

    def write(df: DataFrame, number: int) -> None:
        df.write.mode("overwrite").json(f"{run.path}/{name(number)}")

    reader = run.spark.readStream.format("kafka").options(**run.kafka_options)
    clean = reader.option("subscribe", run.topic).option("startingOffsets", "earliest")
    return started(copied(clean.load()), write, run, "-files")


def dies_beside(orders: DataFrame, run: JobRun) -> list[StreamingQuery]:
    """Two queries, the second of which dies of its first record."""
    failing = orders.selectExpr("raise_error('beside') AS value")
    return [
        cleaned(orders, run),
        failing.writeStream.format("noop")
        .option("checkpointLocation", f"{run.checkpoint}-beside")
        .start(),
    ]


def copies_and_counts(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Two writes for each batch, the first of which is not idempotent."""

    def write(df: DataFrame, number: int) -> None:
        df.write.mode("append").json(f"{run.path}/all")
        df.write.mode("overwrite").json(f"{run.checkpoint}-more/{number}")

    return started(copied(orders), write, run, "-own")


def counts_to_topic(orders: DataFrame, run: JobRun) -> StreamingQuery:
    """Write the number of orders of each key whenever it changes."""
    return to_topic(numbered(orders), run, "update")


def per_minute(orders: DataFrame) -> DataFrame:
    """The number of orders in each minute, without those that are closers."""
    return (
        texts(orders)
        .where("timestamp < '2030-01-01'")
        .withWatermark("timestamp", "1 minute")
        .groupBy(sf.window("timestamp", "1 minute"))
        .agg(sf.count("*").alias("orders"))
    )


def reads_another_topic(orders: DataFrame, run: JobRun) -> StreamingQuery:
    reader = run.spark.readStream.format("kafka").options(**run.kafka_options)
    return started(reader.option("subscribe", "missing").load(), print, run)


def started(df: DataFrame, write: Any, run: JobRun, name: str = "") -> StreamingQuery:
    """Start a query with a function that writes, and a checkpoint of this name."""
    return (
        df.writeStream.foreachBatch(write)
        .option("checkpointLocation", f"{run.checkpoint}{name}")
        .start()
    )


def to_topic(df: DataFrame, run: JobRun, mode: str = "append") -> StreamingQuery:
    """Start a query that writes to the sink topic."""
    return (
        df.writeStream.format("kafka")
        .options(**run.kafka_options)
        .option("topic", run.topic)
        .option("checkpointLocation", run.checkpoint)
        .outputMode(mode)
        .start()
    )


def written(run: JobRun) -> list[str]:
    """The lines of all files in all folders, sorted."""
    return sorted(
        line
        for file in Path(run.path).glob("*/part-*")
        for line in file.read_text().splitlines()
    )
