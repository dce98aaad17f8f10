"""Payments, which a till sends again if it gets no answer, are each booked once.

Wrong: duplicates are dropped inside `foreachBatch`, so only within one batch. A payment
that comes again in the next batch is booked again. Right: duplicates are dropped in the
stream, whose state remembers earlier batches for as long as the watermark says.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "payments": [
        Record("p-1", "12", timestamp=at("09:00")),
        Record("p-2", "7", timestamp=at("09:01")),
        Record("p-1", "12", timestamp=at("09:00")),  # again
        Record("p-3", "40", timestamp=at("09:03")),
        Record("p-2", "7", timestamp=at("09:01")),  # again
        Record("p-4", "3", timestamp=at("09:04")),
        Record("p-4", "3", timestamp=at("09:04")),  # again
        Record("p-5", "21", timestamp=at("09:08")),
    ]
}
PAYMENT = ["number", "amount", "timestamp"]


def answer(run: Any) -> list[tuple[str, str]]:
    """The payments that are booked."""
    files = Path(run.path, "booked").glob("*/part-*.json")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sorted((row["number"], row["amount"]) for row in map(json.loads, lines))


OPTIONS = {"answer": answer, "late": timedelta(minutes=20)}


def wrong(payments: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        book(batch.dropDuplicates(PAYMENT), number, run)

    return start(texts(payments), save, run)


def right(payments: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        book(batch, number, run)

    late = texts(payments).withWatermark("timestamp", "30 minutes")
    return start(late.dropDuplicates(PAYMENT), save, run)


def texts(payments: DataFrame) -> DataFrame:
    return payments.selectExpr(
        "CAST(key AS STRING) AS number", "CAST(value AS STRING) AS amount", "timestamp"
    )


def book(batch: DataFrame, number: int, run: Any) -> None:
    batch.write.mode("overwrite").json(f"{run.path}/booked/{number}")


def start(payments: DataFrame, save: Any, run: Any) -> StreamingQuery:
    return (
        payments.writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
