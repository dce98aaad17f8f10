"""A table of customers that follows the changes of another database (CDC)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it

CHANGE = "op STRING, after STRUCT<name: STRING, city: STRING>"
TABLE = (
    "CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, name TEXT, city TEXT)"
)
UPSERT = """
INSERT INTO customers VALUES (:id, :name, :city)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, city = excluded.city
"""
DELETE = "DELETE FROM customers WHERE id = :id"


# --8<-- [start:job]
def changes(records: DataFrame) -> DataFrame:
    """The change that each record holds.

    Args:
        records: Kafka's columns, with the customer's id as key, so that all changes of
            a customer are in one partition, in order.
    """
    return records.select(
        F.col("key").cast("string").alias("id"),
        "offset",
        F.from_json(F.col("value").cast("string"), CHANGE).alias("change"),
    )


def save_to(database: Path) -> Callable[[DataFrame, int], None]:
    """A function for `foreachBatch`. A batch that comes again changes nothing."""

    def save(batch: DataFrame, _: int) -> None:
        latest = batch.groupBy("id").agg(F.max_by("change", "offset").alias("change"))
        rows = latest.select("id", "change.op", "change.after.*").collect()
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(TABLE)
            for row in rows:
                connection.execute(DELETE if row.op == "d" else UPSERT, row.asDict())

    return save


# --8<-- [end:job]
