"""Devices that have gone silent: no report for an hour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.state import GroupState, GroupStateTimeout

ALERT = "key STRING, value STRING"


# --8<-- [start:job]
def alerts(reports: DataFrame) -> DataFrame:
    """`silent` when a device has not reported for an hour, and `back` when it does
    again; for a Kafka sink.

    Args:
        reports: Kafka's columns, with the device as key.
    """
    devices = reports.selectExpr("STRING(key) AS device").groupBy("device")
    timeout = GroupStateTimeout.ProcessingTimeTimeout
    return devices.applyInPandasWithState(
        watch, ALERT, "is_silent BOOLEAN", "append", timeout
    )


def watch(
    device: Any, reports: Iterator[pd.DataFrame], state: GroupState
) -> Iterator[pd.DataFrame]:
    """One device."""
    if state.hasTimedOut:
        yield pd.DataFrame({"key": [device[0]], "value": ["silent"]})
        state.update((True,))  # without a new time-out: one alert is enough
        return
    for _ in reports:  # Spark wants them read
        pass
    if state.exists and state.get[0]:
        yield pd.DataFrame({"key": [device[0]], "value": ["back"]})
    state.update((False,))
    state.setTimeoutDuration(60 * 60 * 1000)


# --8<-- [end:job]
