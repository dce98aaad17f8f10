"""Carts that were left: a reminder when nothing has happened for half an hour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql.streaming.state import GroupState, GroupStateTimeout

HALF_AN_HOUR = 30 * 60 * 1000
REMINDER = "key STRING, value STRING"


# --8<-- [start:job]
def reminders(events: DataFrame) -> DataFrame:
    """The user, and what is in the cart; for a Kafka sink.

    Args:
        events: Kafka's columns, with the user as key, and as value what was put into
            the cart, or `paid`.
    """
    return (
        events.selectExpr("STRING(key) AS user", "STRING(value) AS item", "timestamp")
        .withWatermark("timestamp", "10 minutes")
        .groupBy("user")
        .applyInPandasWithState(
            follow,
            REMINDER,
            "items STRING",
            "append",
            GroupStateTimeout.EventTimeTimeout,
        )
    )


def follow(
    user: Any, parts: Iterator[pd.DataFrame], state: GroupState
) -> Iterator[pd.DataFrame]:
    """One user's cart."""
    if state.hasTimedOut:
        yield pd.DataFrame({"key": [user[0]], "value": [state.get[0]]})
        state.remove()
        return
    events = pd.concat(parts).sort_values("timestamp")
    if "paid" in events["item"].values:
        state.remove()
        return
    held = [state.get[0]] if state.exists else []
    state.update((",".join([*held, *events["item"]]),))
    last = events["timestamp"].max()
    state.setTimeoutTimestamp(int(last.timestamp() * 1000) + HALF_AN_HOUR)


# --8<-- [end:job]
