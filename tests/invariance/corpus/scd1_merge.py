"""Changes of customers' addresses, merged into a table with a row for each (SCD 1).

Wrong: rows of the batch replace those of the table with the same key. If a batch has
two changes of a customer, both are inserted, whether the customer is new or not.
Delta's MERGE fails then, with "multiple source rows matched"
(GT-Analytics/fuam-basic#3). In two batches, the second change replaces the first,
whichever is newer. Right: of the rows of the table and the batch, the newest of each
customer is kept, as in Spark's own SCD 1 merge (apache/spark#55995).
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "changes": [
        Record("ada", "Paris", timestamp=at("09:00")),
        Record("bob", "Rome", timestamp=at("09:01")),
        Record("ada", "Lyon", timestamp=at("09:02")),
        Record("eve", "Oslo", timestamp=at("09:05")),
        Record("bob", "Bari", timestamp=at("09:07")),
        Record("ada", "Nice", timestamp=at("09:09")),
    ]
}
SCHEMA = "customer STRING, city STRING, changed BIGINT"


def answer(run: Any) -> list[tuple[str, str]]:
    """What the newest version of the table holds."""
    done = Path(run.path, "customers").glob("*/_SUCCESS")
    newest = max((int(mark.parent.name) for mark in done), default=-1)
    files = Path(run.path, "customers", str(newest)).glob("part-*.json")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted((row["customer"], row["city"]) for row in map(json.loads, lines))


OPTIONS = {"answer": answer, "late": timedelta(minutes=30)}


def wrong(changes: DataFrame, run: Any) -> StreamingQuery:
    def merge(old: DataFrame, batch: DataFrame) -> DataFrame:
        return old.join(batch, "customer", "left_anti").unionByName(batch)

    return start(changes, merge, run)


def right(changes: DataFrame, run: Any) -> StreamingQuery:
    def merge(old: DataFrame, batch: DataFrame) -> DataFrame:
        newest = functions.max(functions.struct("changed", "city")).alias("newest")
        rows = old.unionByName(batch).groupBy("customer").agg(newest)
        return rows.select("customer", "newest.city", "newest.changed")

    return start(changes, merge, run)


def start(changes: DataFrame, merge: Any, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        """Write a new version of the table, from the one before the batch."""
        before = Path(run.path, "customers", str(number - 1))
        old = run.spark.createDataFrame([], SCHEMA)
        if before.exists():
            old = run.spark.read.schema(SCHEMA).json(str(before))
        new = merge(old, batch)
        new.write.mode("overwrite").json(f"{run.path}/customers/{number}")

    return (
        changes.selectExpr(
            "CAST(key AS STRING) AS customer",
            "CAST(value AS STRING) AS city",
            "unix_millis(timestamp) AS changed",
        )
        .writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
