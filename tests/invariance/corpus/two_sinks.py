"""Payments, each with a row in the ledger and one in the table of receipts.

Wrong: to avoid doing a batch twice, the function skips one that is already in the
ledger. If it died after the ledger and before the receipts, the receipts are never
written. The review of apache/spark#57495 asks for a test of exactly this: a failure
between two merges. Right: both writes are done again, and each replaces what is there
under the batch's number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at

INPUTS = {
    "payments": [
        Record("ada", "12", timestamp=at("09:00")),
        Record("bob", "7", timestamp=at("09:02")),
        Record("eve", "40", timestamp=at("09:02")),
        Record("ada", "3", timestamp=at("09:05")),
        Record("bob", "9", timestamp=at("09:09")),
        Record("ada", "21", timestamp=at("09:14")),
    ]
}
TABLES = ("ledger", "receipts")


def answer(run: Any) -> list[tuple[str, str, str]]:
    """What both tables hold."""
    return sorted(
        (row["customer"], row["amount"], table)
        for table in TABLES
        for file in Path(run.path, table).glob("*/part-*.json")
        for row in map(json.loads, file.read_text().splitlines())
    )


OPTIONS = {"answer": answer}


def wrong(payments: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        if not Path(run.path, "ledger", str(number), "_SUCCESS").exists():
            save_to_both(batch, number, run)

    return start(payments, save, run)


def right(payments: DataFrame, run: Any) -> StreamingQuery:
    def save(batch: DataFrame, number: int) -> None:
        save_to_both(batch, number, run)

    return start(payments, save, run)


def save_to_both(batch: DataFrame, number: int, run: Any) -> None:
    for table in TABLES:
        batch.write.mode("overwrite").json(f"{run.path}/{table}/{number}")


def start(payments: DataFrame, save: Any, run: Any) -> StreamingQuery:
    return (
        payments.selectExpr(
            "CAST(key AS STRING) AS customer", "CAST(value AS STRING) AS amount"
        )
        .writeStream.foreachBatch(save)
        .option("checkpointLocation", run.checkpoint)
        .start()
    )
