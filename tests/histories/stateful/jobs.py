"""Each stateful operator as a query of a topic, and its state in the oracle's form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions

from .model import MINUTE, SKIPPED, History
from .oracles import (
    Distinct,
    DistinctWithinWatermark,
    Joined,
    Oracle,
    Processed,
    Sessions,
    SlidingWindows,
    State,
    UpdatedWindows,
    Visits,
    Windows,
)
from .processors import counted_visits, processed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from spark_kafka_testkit import StreamRun

__all__ = ["JOBS", "Job", "millis"]

Read = Callable[["StreamRun"], State]


def count_all(state: State) -> int:
    return sum(map(len, state.values()))


def count_processed(state: State) -> int:
    """The number of rows that Spark counts: a list is one row, a timer is none."""
    lists = {key for key, _ in state["times"]}
    return len(state["count"]) + len(state["hours"]) + len(lists)


@dataclass(frozen=True)
class Job:
    """A stateful operator.

    Attributes:
        query: a function that takes the rows of a source and the watermark's delay, and
            returns a DataFrame with key and value.
        read: a function that reads its state.
        oracle: the oracle for it.
        in_order: whether the order of a batch's rows makes a difference.
        mode: the output mode.
        rows: a function that returns how many rows Spark counts in the oracle's state.
        share: how many of each hundred histories are for this operator.
    """

    query: Callable[[DataFrame, str], DataFrame]
    read: Read
    oracle: type[Oracle]
    in_order: bool = False
    mode: str = "append"
    rows: Callable[[State], int] = count_all
    share: int = 12

    def fitting(self, history: History) -> History:
        """The history, adapted to this operator."""
        if self.in_order:
            history = history.in_order()
        return history if self.oracle is Joined else history.of_one_stream()


def millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def timed(rows: DataFrame, delay: str) -> DataFrame:
    """The rows with a watermark, without those to skip."""
    return rows.where(f"key <> '{SKIPPED}'").withWatermark("timestamp", delay)


def windows(*sizes: str) -> Callable[[DataFrame, str], DataFrame]:
    def query(rows: DataFrame, delay: str) -> DataFrame:
        window = functions.window("timestamp", *sizes)
        return (
            timed(rows, delay)
            .groupBy(window, "key")
            .count()
            .selectExpr("key", "concat(unix_millis(window.start), ' ', count) AS value")
        )

    return query


def read_windows(run: StreamRun) -> State:
    rows = run.state()
    for row in rows:
        begin, end = (millis(row["window"][name]) for name in ("start", "end"))
        assert end - begin == 10 * MINUTE
    return {
        "": [(row["key"], millis(row["window"]["start"]), row["count"]) for row in rows]
    }


def sessions(rows: DataFrame, delay: str) -> DataFrame:
    return (
        timed(rows, delay)
        .groupBy("key", functions.session_window("timestamp", "5 minutes").alias("s"))
        .count()
        .selectExpr(
            "key",
            "concat_ws(' ', unix_millis(s.start), unix_millis(s.end), count) AS value",
        )
    )


def read_sessions(run: StreamRun) -> State:
    return {
        "": [
            (
                row["key"],
                millis(row["session_window"]["start"]),
                millis(row["session_window"]["end"]),
                row["count"],
            )
            for row in run.state()
        ]
    }


TIME = "string(unix_millis(timestamp)) AS value"


def distinct(rows: DataFrame, delay: str) -> DataFrame:
    pairs = timed(rows, delay).dropDuplicates(["key", "timestamp"])
    return pairs.selectExpr("key", TIME)


def read_distinct(run: StreamRun) -> State:
    return {"": [(row["key"], millis(row["timestamp"])) for row in run.state("dedupe")]}


def within_watermark(rows: DataFrame, delay: str) -> DataFrame:
    first = timed(rows, delay).dropDuplicatesWithinWatermark(["key"])
    return first.selectExpr("key", TIME)


def read_within_watermark(run: StreamRun) -> State:
    rows = run.state()
    return {"": [(row["key"], row["expiresAtMicros"] // 1000) for row in rows]}


def joined(rows: DataFrame, delay: str) -> DataFrame:
    def side(letter: str) -> DataFrame:
        own = rows.where(f"key LIKE '{letter}%'").withColumn(
            "key", functions.substring("key", 2, 9)
        )
        return own.withWatermark("timestamp", delay).alias(letter)

    return (
        side("l")
        .join(
            side("r"),
            functions.expr(
                "l.key = r.key AND r.timestamp >= l.timestamp "
                "AND r.timestamp <= l.timestamp + INTERVAL 10 MINUTES"
            ),
        )
        .selectExpr(
            "l.key",
            "concat(unix_millis(l.timestamp), ' ', unix_millis(r.timestamp)) AS value",
        )
    )


def read_joined(run: StreamRun) -> State:
    return {
        side: [(row["key"], millis(row["timestamp"])) for row in run.state(side=side)]
        for side in ("left", "right")
    }


def with_time(
    query: Callable[[DataFrame], DataFrame],
) -> Callable[[DataFrame, str], DataFrame]:
    """Pass the time to the query as a number, which pandas leaves unchanged."""
    return lambda rows, delay: query(
        timed(rows, delay).withColumn("time", functions.expr("unix_millis(timestamp)"))
    )


def read_visits(run: StreamRun) -> State:
    rows = run.state()
    return {"": [(row["key"], *row["groupState"].values()) for row in rows]}


def read_processed(run: StreamRun) -> State:
    times = run.state(variable="times")
    hours = run.state(variable="hours")
    return {
        "count": [(row["key"], row["n"]) for row in run.state(variable="count")],
        "times": [(row["key"], row["list_element"]["time"]) for row in times],
        "hours": [
            (row["key"], row["user_map_key"]["hour"], row["user_map_value"]["n"])
            for row in hours
        ],
        "timers": [
            (row["key"], row["expiration_timestamp_ms"]) for row in run.timers()
        ],
    }


JOBS = {
    "windows": Job(windows("10 minutes"), read_windows, Windows),
    "updated windows": Job(
        windows("10 minutes"), read_windows, UpdatedWindows, mode="update"
    ),
    "sliding windows": Job(
        windows("10 minutes", "5 minutes"), read_windows, SlidingWindows
    ),
    "sessions": Job(sessions, read_sessions, Sessions),
    "distinct": Job(distinct, read_distinct, Distinct),
    "distinct within watermark": Job(
        within_watermark,
        read_within_watermark,
        DistinctWithinWatermark,
        in_order=True,
    ),
    "joined": Job(joined, read_joined, Joined),
    "applyInPandasWithState": Job(
        with_time(counted_visits), read_visits, Visits, mode="update", share=10
    ),
    "transformWithState": Job(
        with_time(processed),
        read_processed,
        Processed,
        mode="update",
        rows=count_processed,
        share=6,
    ),
}
