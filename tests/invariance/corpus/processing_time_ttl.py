"""Payments, which a till may send twice within an hour, are each passed on once.

Wrong: payments are forgotten after an hour of processing time (the time to live of the
state). If the job was down for a while, or lags, it has forgotten the first one when it
reads the second. Right: a timer forgets them after an hour of event time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.streaming.stateful_processor import StatefulProcessor

from spark_kafka_testkit import Record, at

HOUR = 60 * 60_000
INPUTS = {
    "payments": [
        Record("p-1", "12", timestamp=at("09:00")),
        Record("p-2", "7", timestamp=at("09:01")),
        Record("p-1", "12", timestamp=at("09:00")),  # again
        Record("p-3", "40", timestamp=at("09:05")),
        Record("p-2", "7", timestamp=at("09:01")),  # again
        Record("p-4", "3", timestamp=at("09:09")),
        Record("p-4", "3", timestamp=at("09:09")),  # again
    ]
}
OPTIONS = {"late": timedelta(minutes=20)}
CONF = {
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    )
}


def wrong(payments: DataFrame) -> DataFrame:
    return once(payments, "processingTime", ttl=HOUR)


def right(payments: DataFrame) -> DataFrame:
    return once(payments.withWatermark("timestamp", "30 minutes"), "eventTime")


def once(payments: DataFrame, time: str, ttl: int | None = None) -> DataFrame:
    class Once(StatefulProcessor):
        """Passes on the first payment of each number."""

        def init(self, handle: Any) -> None:
            self.handle = handle
            self.seen = handle.getValueState("seen", "time BIGINT", ttl)

        def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Any:  # noqa: N802, N803
            first = next(rows)
            if not self.seen.exists():
                sent = int(first["time"].iloc[0])
                self.seen.update((sent,))
                if ttl is None:
                    self.handle.registerTimer(sent + HOUR)
                yield first[["key", "amount"]].head(1)

        def handleExpiredTimer(  # noqa: N802
            self,
            key: Any,
            timerValues: Any,  # noqa: N803
            expiredTimerInfo: Any,  # noqa: N803
        ) -> Any:
            self.seen.clear()
            return iter(())

        def close(self) -> None:
            pass

    columns = (
        "CAST(key AS STRING) AS key",
        "CAST(value AS STRING) AS amount",
        "unix_millis(timestamp) AS time",
        "timestamp",
    )
    return (
        payments.selectExpr(*columns)
        .groupBy("key")
        .transformWithStateInPandas(Once(), "key STRING, amount STRING", "append", time)
    )
