"""Orders, written to a database under a number that the job assigns.

Wrong: the number is `row_number()`, which begins again in each batch, as does that of
`monotonically_increasing_id()`. So the orders of a batch replace those of the one
before. Right: partition and offset, which a record keeps whatever batch it is in.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, Window, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("ada", "tea", timestamp=at("09:00")),
        Record("bob", "rum", timestamp=at("09:01")),
        Record("eve", "gin", timestamp=at("09:04")),
        Record("ada", "tea", timestamp=at("09:05")),
        Record("bob", "ale", timestamp=at("09:07")),
        Record("ada", "gin", timestamp=at("09:08")),
    ]
}


def database(run: Any) -> sqlite3.Connection:
    connection = sqlite3.connect(Path(run.path, "shop.db"))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer, item)"
    )
    return connection


def answer(run: Any) -> list[tuple[str, str]]:
    """The orders in the database, without their numbers."""
    with closing(database(run)) as shop:
        return sorted(shop.execute("SELECT customer, item FROM orders"))


OPTIONS = {"answer": answer}


def wrong(orders: DataFrame, run: Any) -> StreamingQuery:
    return start(orders, functions.row_number().over(Window.orderBy("timestamp")), run)


def right(orders: DataFrame, run: Any) -> StreamingQuery:
    return start(orders, functions.concat_ws("-", "partition", "offset"), run)


def start(orders: DataFrame, number_of_order: Column, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        columns = ("CAST(id AS STRING)", "CAST(key AS STRING)", "CAST(value AS STRING)")
        rows = batch.withColumn("id", number_of_order).selectExpr(*columns).collect()
        with closing(database(run)) as shop, shop:
            shop.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", rows)

    return (
        orders.writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
