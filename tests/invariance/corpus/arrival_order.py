"""The status of each order, which is its last event from two topics.

Wrong: the event that came last is taken for the last one. That is true within a
partition. But the events of an order come from two topics, one of which may lag, and
Spark passes the rows of a key in no particular order. Right: the event with the newest
time is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.state import GroupStateTimeout

from spark_kafka_testkit import Record, at

INPUTS = {
    "orders": [
        Record("o-1", "ordered", timestamp=at("09:00")),
        Record("o-2", "ordered", timestamp=at("09:02")),
        Record("o-2", "cancelled", timestamp=at("09:14")),
        Record("o-3", "ordered", timestamp=at("09:15")),
    ],
    "parcels": [
        Record("o-1", "packed", timestamp=at("09:07")),
        Record("o-2", "packed", timestamp=at("09:09")),
        Record("o-1", "sent", timestamp=at("09:12")),
        Record("o-3", "packed", timestamp=at("09:19")),
    ],
}
OPTIONS = {
    "output_mode": "update",
    "answer": "latest",
    "late": timedelta(minutes=30),
}


def wrong(orders: DataFrame, parcels: DataFrame) -> DataFrame:
    def last(key: Any, parts: Iterator[pd.DataFrame], state: Any) -> Any:
        for part in parts:
            newest = part.iloc[-1]
        state.update((int(newest["time"]), newest["event"]))
        yield pd.DataFrame({"key": [key[0]], "event": [newest["event"]]})

    return by_order(orders, parcels, last)


def right(orders: DataFrame, parcels: DataFrame) -> DataFrame:
    def last(key: Any, parts: Iterator[pd.DataFrame], state: Any) -> Any:
        events = [state.get] if state.exists else []
        for part in parts:
            events += zip(part["time"], part["event"], strict=True)
        time, event = max(events)
        state.update((int(time), event))
        yield pd.DataFrame({"key": [key[0]], "event": [event]})

    return by_order(orders, parcels, last)


def by_order(orders: DataFrame, parcels: DataFrame, last: Any) -> DataFrame:
    columns = (
        "CAST(key AS STRING) AS key",
        "CAST(value AS STRING) AS event",
        "unix_millis(timestamp) AS time",
    )
    events = orders.unionByName(parcels).selectExpr(*columns)
    return events.groupBy("key").applyInPandasWithState(
        last,
        "key STRING, event STRING",
        "time BIGINT, event STRING",
        "update",
        GroupStateTimeout.NoTimeout,
    )
