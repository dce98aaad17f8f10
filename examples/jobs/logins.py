"""Accounts are locked for half an hour after three failed logins in ten minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.stateful_processor import (
    ExpiredTimerInfo,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
)

MINUTE = 60 * 1000
LOCK = "key STRING, value STRING"


# --8<-- [start:job]
def locks(failures: DataFrame) -> DataFrame:
    """`locked` and `unlocked`, when an account is; for a Kafka sink, in update mode.

    Args:
        failures: Kafka's columns, with the account as key: a record for each login that
            has failed.
    """
    accounts = failures.selectExpr("STRING(key) AS account").groupBy("account")
    return accounts.transformWithStateInPandas(
        Guard(), LOCK, "Update", "ProcessingTime"
    )


class Guard(StatefulProcessor):
    """Guards one account."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        self.handle = handle
        self.recent = handle.getListState("recent", "n INT", 10 * MINUTE)  # TTL

    def handleInputRows(
        self, key: Any, rows: Iterator[Any], timerValues: TimerValues
    ) -> Iterator[pd.DataFrame]:
        failed = sum(map(len, rows))
        if list(self.handle.listTimers()):
            return  # it is locked already
        for _ in range(failed):
            self.recent.appendValue((1,))
        if sum(1 for _ in self.recent.get()) >= 3:
            now = timerValues.getCurrentProcessingTimeInMs()
            self.handle.registerTimer(now + 30 * MINUTE)
            self.recent.clear()
            yield pd.DataFrame({"key": [key[0]], "value": ["locked"]})

    def handleExpiredTimer(
        self, key: Any, timerValues: TimerValues, expiredTimerInfo: ExpiredTimerInfo
    ) -> Iterator[pd.DataFrame]:
        yield pd.DataFrame({"key": [key[0]], "value": ["unlocked"]})

    def close(self) -> None:
        pass


# --8<-- [end:job]
