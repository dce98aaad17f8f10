"""Orders, written to a table by a job that keeps its offset to avoid duplicates.

Wrong: a file holds the last offset that was written, one for all partitions. If one
partition is ahead, the records of the others are taken for old and left out. Right:
Spark's checkpoint keeps the offsets, and a batch overwrites what is there under its
number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("bob", "rum", timestamp=at("09:01")),
        Record("eve", "gin", timestamp=at("09:04")),
        Record("ada", "ale", timestamp=at("09:05")),
        Record("dan", "rum", timestamp=at("09:07")),
        Record("bob", "tea", timestamp=at("09:09")),
        Record("fay", "gin", timestamp=at("09:10")),
    ]
}


def answer(run: Any) -> list[tuple[str, str]]:
    """What the table holds."""
    files = Path(run.path, "orders").glob("*/part-*.json")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted((row["customer"], row["item"]) for row in map(json.loads, lines))


OPTIONS = {"answer": answer}
COLUMNS = ("CAST(key AS STRING) AS customer", "CAST(value AS STRING) AS item")


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    file = Path(run.path, "offset.txt")

    def save(batch: DataFrame, number: int) -> None:
        done = int(file.read_text()) if file.exists() else -1
        offsets = [row["offset"] for row in batch.select("offset").collect()]
        new = batch.where(functions.col("offset") > done).selectExpr(*COLUMNS)
        new.write.mode("append").json(f"{run.path}/orders/all")
        file.write_text(str(max([done, *offsets])))

    return start(orders, save, run)


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        new = batch.selectExpr(*COLUMNS)
        new.write.mode("overwrite").json(f"{run.path}/orders/{number}")

    return start(orders, save, run)


def start(orders: DataFrame, save: Any, run: Any) -> StreamingQuery:
    return (
        orders.writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
