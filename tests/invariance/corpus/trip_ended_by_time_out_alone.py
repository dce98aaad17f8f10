"""The trips of lorries: calls less than half an hour apart belong to one trip.

Wrong: only the timeout ends a trip. Calls that are further apart are taken for one trip
if the second comes before the timeout fires. That happens within one batch, or if no
other lorry's call has moved the watermark before its batch. Right: the calls are split
where they are half an hour apart, and the timeout only says which trips are over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.state import GroupState, GroupStateTimeout

from spark_kafka_testkit import Record, at

INPUTS = {
    "calls": [
        Record("lorry 1", "depot", timestamp=at("09:00")),
        Record("lorry 2", "depot", timestamp=at("09:05")),
        Record("lorry 1", "farm", timestamp=at("09:20")),
        Record("lorry 1", "mill", timestamp=at("09:14")),
        Record("lorry 2", "port", timestamp=at("09:30")),
        Record("lorry 3", "depot", timestamp=at("10:10")),
        Record("lorry 1", "depot", timestamp=at("10:25")),
        Record("lorry 3", "mill", timestamp=at("10:18")),
        Record("lorry 2", "depot", timestamp=at("10:40")),
        Record("lorry 1", "port", timestamp=at("10:52")),
    ]
}
OPTIONS = {"late": timedelta(minutes=10)}
HALF_AN_HOUR = 30 * 60_000


def wrong(calls: DataFrame) -> DataFrame:
    return trips(calls, split=False)


def right(calls: DataFrame) -> DataFrame:
    return trips(calls, split=True)


def trips(calls: DataFrame, *, split: bool) -> DataFrame:
    def follow(
        key: Any, parts: Iterable[pd.DataFrame], state: GroupState
    ) -> Iterator[pd.DataFrame]:
        known = json.loads(state.get[0]) if state.exists else []
        known += [[time, time, 1] for part in parts for time in part["ms"].tolist()]
        found: list[list[int]] = []
        for start, end, count in sorted(known):
            if found and (not split or start - found[-1][1] < HALF_AN_HOUR):
                found[-1][1] = max(found[-1][1], end)
                found[-1][2] += count
            else:
                found.append([start, end, count])
        now = state.getCurrentWatermarkMs()
        over = [trip for trip in found if trip[1] + HALF_AN_HOUR <= now]
        if over:
            starts, _, counts = zip(*over, strict=True)
            yield pd.DataFrame({"key": key[0], "start": starts, "calls": counts})
        if open_ones := found[len(over) :]:
            state.update((json.dumps(open_ones),))
            state.setTimeoutTimestamp(open_ones[0][1] + HALF_AN_HOUR)
        elif state.exists:
            state.remove()

    times = calls.withWatermark("timestamp", "15 minutes").selectExpr(
        "CAST(key AS STRING) AS key", "unix_millis(timestamp) AS ms", "timestamp"
    )
    return times.groupBy("key").applyInPandasWithState(
        follow,
        "key STRING, start LONG, calls LONG",
        "open_ones STRING",
        "append",
        GroupStateTimeout.EventTimeTimeout,
    )
