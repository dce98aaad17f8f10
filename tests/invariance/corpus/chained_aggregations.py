"""The sales of each shop and day, as the sum of those of its hours.

Wrong: the hours come in update mode, and their numbers are summed. An hour comes again
with each batch that has a sale in it, even a late one, and all its sales so far are
added once more. A second aggregation can't take back what the first one has corrected
(SPARK-28074 is about such chains). Right: in append mode, an hour comes once, when it
is over.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "sales": [
        Record("north", "tea", timestamp=at("09:05")),
        Record("south", "rum", timestamp=at("09:20")),
        Record("north", "gin", timestamp=at("09:55")),
        Record("north", "tea", timestamp=at("10:01")),
        Record("south", "ale", timestamp=at("09:58")),  # late
        Record("north", "ale", timestamp=at("10:30")),
        Record("south", "tea", timestamp=at("10:40")),
    ]
}


def answer(run: Any) -> dict[tuple[str, str], int]:
    """The sales of each shop and day, as the report sums them up."""
    days: Counter[tuple[str, str]] = Counter()
    for file in Path(run.path, "days").glob("*/part-*.json"):
        for row in map(json.loads, file.read_text().splitlines()):
            days[row["shop"], row["day"]] += row["sales"]
    return days


OPTIONS = {"answer": answer, "late": timedelta(minutes=10)}


def wrong(sales: DataFrame, run: Any) -> StreamingQuery:
    return start(sales, "update", run)


def right(sales: DataFrame, run: Any) -> StreamingQuery:
    return start(sales, "append", run)


def start(sales: DataFrame, mode: str, run: Any) -> StreamingQuery:
    def save(hours: DataFrame, number: int) -> None:
        days = hours.groupBy("shop", "day").agg(functions.sum("sales").alias("sales"))
        days.write.mode("overwrite").json(f"{run.path}/days/{number}")

    return (
        sales.withWatermark("timestamp", "15 minutes")
        .groupBy(
            functions.window("timestamp", "1 hour"), functions.col("key").cast("string")
        )
        .agg(functions.count("*").alias("sales"))
        .selectExpr("key AS shop", "date(window.start) AS day", "sales")
        .writeStream.outputMode(mode)
        .foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
