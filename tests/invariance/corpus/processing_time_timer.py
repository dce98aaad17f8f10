"""The clicks of each visit, which is over after half an hour without a click.

Wrong: the half hour is one of processing time. A job that was down, or that reads a
backlog, finds other visits than one that has kept up. Right: a session window, by the
time of the clicks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, functions
from pyspark.sql.streaming.state import GroupStateTimeout

from spark_kafka_testkit import Record, at

HALF_AN_HOUR = 30 * 60_000
INPUTS = {
    "clicks": [
        Record("ada", "home", timestamp=at("09:00")),
        Record("bob", "home", timestamp=at("09:01")),
        Record("ada", "hats", timestamp=at("09:04")),
        Record("ada", "cart", timestamp=at("09:20")),
        Record("bob", "home", timestamp=at("09:50")),  # a new visit
        Record("bob", "hats", timestamp=at("09:51")),
    ]
}


def wrong(clicks: DataFrame) -> DataFrame:
    def visit(key: Any, parts: Iterator[pd.DataFrame], state: Any) -> Any:
        count = state.get[0] if state.exists else 0
        if state.hasTimedOut:
            state.remove()
            yield pd.DataFrame({"key": [key[0]], "clicks": [count]})
        else:
            state.update((count + sum(map(len, parts)),))
            state.setTimeoutDuration(HALF_AN_HOUR)

    return (
        clicks.selectExpr("CAST(key AS STRING) AS key")
        .groupBy("key")
        .applyInPandasWithState(
            visit,
            "key STRING, clicks BIGINT",
            "clicks BIGINT",
            "append",
            GroupStateTimeout.ProcessingTimeTimeout,
        )
    )


def right(clicks: DataFrame) -> DataFrame:
    return (
        clicks.selectExpr("CAST(key AS STRING) AS key", "timestamp")
        .withWatermark("timestamp", "10 minutes")
        .groupBy("key", functions.session_window("timestamp", "30 minutes"))
        .agg(functions.count("*").alias("clicks"))
        .select("key", "clicks")
    )
