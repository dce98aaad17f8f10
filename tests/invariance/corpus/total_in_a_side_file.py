"""The turnover of each shop, kept in a file beside the query.

Wrong: each batch adds its sums to what the file holds. A batch that runs again under
its number, after a crash between the write and the commit, is added twice. Right: the
file also has the number of the last batch that was added, and is replaced as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from spark_kafka_testkit import Record, at


def answer(run: Any) -> list[tuple[str, int]]:
    return sorted(read(run)["totals"].items())


INPUTS = {
    "sales": [
        Record("north", "12", timestamp=at("09:00")),
        Record("south", "30", timestamp=at("09:01")),
        Record("north", "8", timestamp=at("09:03")),
        Record("east", "5", timestamp=at("09:04")),
        Record("south", "11", timestamp=at("09:08")),
        Record("north", "40", timestamp=at("09:15")),
        Record("east", "7", timestamp=at("09:16")),
        Record("south", "2", timestamp=at("09:20")),
    ]
}
OPTIONS = {"answer": answer}


def wrong(sales: DataFrame, run: Any) -> StreamingQuery:
    def add(batch: DataFrame, number: int) -> None:
        kept = read(run)
        for shop, amount in sums(batch):
            kept["totals"][shop] = kept["totals"].get(shop, 0) + amount
        write(run, kept)

    return start(sales, run, add)


def right(sales: DataFrame, run: Any) -> StreamingQuery:
    def add(batch: DataFrame, number: int) -> None:
        kept = read(run)
        if number <= kept["batch"]:
            return
        for shop, amount in sums(batch):
            kept["totals"][shop] = kept["totals"].get(shop, 0) + amount
        write(run, {**kept, "batch": number})

    return start(sales, run, add)


def sums(batch: DataFrame) -> list[Any]:
    sales = batch.selectExpr(
        "CAST(key AS STRING) AS shop", "CAST(CAST(value AS STRING) AS LONG) AS amount"
    )
    return sales.groupBy("shop").agg(sf.sum("amount")).collect()


def read(run: Any) -> dict[str, Any]:
    file = Path(run.path, "totals.json")
    return (
        json.loads(file.read_text()) if file.exists() else {"batch": -1, "totals": {}}
    )


def write(run: Any, kept: dict[str, Any]) -> None:
    new = Path(run.path, "totals.json.new")
    new.write_text(json.dumps(kept))
    new.replace(new.with_suffix(""))


def start(
    sales: DataFrame, run: Any, add: Callable[[DataFrame, int], None]
) -> StreamingQuery:
    writer = sales.writeStream.option("checkpointLocation", run.checkpoint)
    return writer.foreachBatch(add).start()
