"""Customers, each put at random into one of two groups with a table each.

Wrong: each write runs the plan again, and with it the Python function that draws (or
makes an id, as in dotnet/spark#203, where each sink gets another value). So a customer
may be in both tables, or in none. Spark's own `uuid()` and `rand()` have a seed for
each batch (SPARK-24896) and give all its writes the same values. Right: the batch is
persisted first, and both writes see the same values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "customers": [
        Record("ada", "Paris", timestamp=at("09:00")),
        Record("bob", "Rome", timestamp=at("09:01")),
        Record("eve", "Oslo", timestamp=at("09:04")),
        Record("dan", "Bern", timestamp=at("09:05")),
        Record("fay", "Kyiv", timestamp=at("09:07")),
        Record("gus", "Riga", timestamp=at("09:08")),
        Record("ivy", "Bonn", timestamp=at("09:10")),
        Record("joe", "Lyon", timestamp=at("09:12")),
    ]
}


def answer(run: Any) -> list[str]:
    """The customers of both tables."""
    files = Path(run.path).glob("group-*/*/part-*.json")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted(row["customer"] for row in map(json.loads, lines))


OPTIONS = {"answer": answer}


def wrong(customers: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        save_groups(batch, number, run)

    return start(customers, save, run)


def right(customers: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        batch.persist()
        try:
            save_groups(batch, number, run)
        finally:
            batch.unpersist()

    return start(customers, save, run)


def save_groups(batch: DataFrame, number: int, run: Any) -> None:
    for group, lots in {"a": "id < '8'", "b": "id >= '8'"}.items():
        table = batch.where(lots).write.mode("overwrite")
        table.json(f"{run.path}/group-{group}/{number}")


def start(customers: DataFrame, save: Any, run: Any) -> StreamingQuery:
    new_id = functions.udf(lambda: str(uuid4())).asNondeterministic()
    return (
        customers.selectExpr("CAST(key AS STRING) AS customer")
        .withColumn("id", new_id())
        .writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
