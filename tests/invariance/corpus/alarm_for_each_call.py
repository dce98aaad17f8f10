"""An alarm at every third failed login of a user.

Wrong: `handleInputRows` is called once for all rows of a user in a batch, and compares
the count only at the end. Six failures cause one, two or four alarms, depending on
where batches end. Right: each threshold between the count before and the count after is
an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.stateful_processor import StatefulProcessor

from spark_kafka_testkit import Record, at

CONF = {
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    )
}
INPUTS = {
    "failures": [
        Record("ada", "bad password", timestamp=at("09:00")),
        Record("ada", "bad password", timestamp=at("09:01")),
        Record("bob", "bad password", timestamp=at("09:01")),
        Record("ada", "locked", timestamp=at("09:02")),
        Record("ada", "locked", timestamp=at("09:04")),
        Record("bob", "bad code", timestamp=at("09:05")),
        Record("cem", "bad code", timestamp=at("09:09")),
        Record("ada", "bad password", timestamp=at("09:30")),
        Record("bob", "bad password", timestamp=at("09:33")),
        Record("ada", "bad password", timestamp=at("09:41")),
        Record("cem", "bad code", timestamp=at("09:50")),
        Record("ada", "locked", timestamp=at("09:55")),
    ]
}
OPTIONS = {"output_mode": "append"}


def wrong(failures: DataFrame) -> DataFrame:
    return alarms(failures, lambda before, now: [now] if now >= 3 else [])


def right(failures: DataFrame) -> DataFrame:
    return alarms(
        failures,
        lambda before, now: [n for n in range(before + 1, now + 1) if n % 3 == 0],
    )


def alarms(failures: DataFrame, due: Callable[[int, int], Sequence[int]]) -> DataFrame:
    class Failures(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.count = handle.getValueState("count", "n LONG")

        def handleInputRows(  # noqa: N802
            self, key: Any, rows: Any, timers: Any
        ) -> Iterator[pd.DataFrame]:
            before = self.count.get()[0] if self.count.exists() else 0
            now = before + sum(map(len, rows))
            self.count.update((now,))
            if counts := due(before, now):
                yield pd.DataFrame({"key": key[0], "failures": counts})

        def close(self) -> None:
            pass

    users = failures.selectExpr("CAST(key AS STRING) AS key")
    return users.groupBy("key").transformWithStateInPandas(
        Failures(), "key STRING, failures LONG", "Append", "None"
    )
