"""Orders, written to a table by a `foreachBatch` function.

Wrong: the function appends. If Spark has not recorded the end of a batch, it runs the
batch again under the same number, and its rows are in the table twice. The sinks of
Paimon, Hudi and Iceberg have had this bug (apache/paimon#9666, HUDI-4389,
apache/iceberg#8809). Right: a batch overwrites what is there under its number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("bob", "rum", timestamp=at("09:01")),
        Record("ada", "tea", timestamp=at("09:04")),  # she is thirsty
        Record("eve", "gin", timestamp=at("09:06")),
        Record("bob", "ale", timestamp=at("09:07")),
        Record("eve", "rum", timestamp=at("09:11")),
    ]
}


def answer(run: Any) -> list[tuple[str, str]]:
    """What the table holds."""
    files = Path(run.path, "orders").glob("*/part-*.json")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted((row["customer"], row["item"]) for row in map(json.loads, lines))


OPTIONS = {"answer": answer}


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        batch.write.mode("append").json(f"{run.path}/orders/all")

    return start(orders, save, run)


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        batch.write.mode("overwrite").json(f"{run.path}/orders/{number}")

    return start(orders, save, run)


def start(orders: DataFrame, save: Any, run: Any) -> StreamingQuery:
    return (
        orders.selectExpr(
            "CAST(key AS STRING) AS customer", "CAST(value AS STRING) AS item"
        )
        .writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
