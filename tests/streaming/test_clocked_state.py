"""Timeouts, timers and time to live of state, by the clock of the stream.

They depend on processing time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pytest

from spark_kafka_testkit import KafkaUtils, at
from tests.sessions import needs_jvm, settings

from .conftest import VERSION, Queries

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

Frames: TypeAlias = "Iterator[pd.DataFrame]"

pytestmark = needs_jvm

STEPS: dict[str, Any] = {
    "output_mode": "update",
    "trigger": {"processingTime": "5 minutes"},
    "clock": at("09:00"),
    "timeout": 900.0,
}
TEN_MINUTES = 600_000
COLUMNS = "key STRING, value STRING"


@pytest.fixture(autouse=True)
def one_partition(queries: Queries) -> Iterator[None]:
    """Use one shuffle partition, as each takes a Python process in each batch."""
    with settings(queries.spark, {"spark.sql.shuffle.partitions": "1"}):
        yield


@pytest.fixture
def users(kafka: KafkaUtils, queries: Queries, topic: str) -> DataFrame:
    """A stream with a row for each visit of a user."""
    kafka.create_topics([topic])
    return queries.source(topic).selectExpr("CAST(key AS STRING) AS user")


def frame(*row: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([row], columns=["key", "value"])


def test_apply_in_pandas_with_state_times_out(
    kafka: KafkaUtils, users: DataFrame, topic: str
) -> None:
    """The timeout runs in the first trigger after its time.

    Before that, each trigger is a batch without rows.
    """
    if VERSION < (4, 2) and int(pa.__version__.split(".")[0]) > 15:
        pytest.skip("applyInPandasWithState of Spark before 4.2 fails with new pyarrow")
    from pyspark.sql.streaming.state import GroupStateTimeout

    def session(key: Any, parts: Any, state: Any) -> Frames:
        if state.hasTimedOut:
            (count,) = state.get
            state.remove()
            yield frame(key[0], str(count))
            return
        before = state.get[0] if state.exists else 0
        state.update((before + sum(map(len, parts)),))
        state.setTimeoutDuration(TEN_MINUTES)

    sessions = users.groupBy("user").applyInPandasWithState(
        session,
        COLUMNS,
        "count BIGINT",
        "update",
        GroupStateTimeout.ProcessingTimeTimeout,
    )
    with kafka.run_stream(sessions, **STEPS) as run:
        run.batches(topic, [("ada", "v"), ("ada", "v"), ("bob", "v")], [("ada", "v")])
        run.advance("5 minutes")  # to 09:15, when bob's ten minutes are just over
        run.check_answer([])
        run.advance("5 minutes")
        run.check_answer([("bob", "1")])
        run.advance("5 minutes")
        run.check_answer([("bob", "1"), ("ada", "3")])


@pytest.mark.usefixtures("rocks_db")
def test_timers_of_transform_with_state_fire(
    kafka: KafkaUtils, users: DataFrame, topic: str
) -> None:
    """They fire at their time. A restart does not move the clock."""
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class Reminder(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.handle = handle

        def handleInputRows(self, key: Any, rows: Any, timers: Any) -> Frames:  # noqa: N802
            for _ in rows:
                pass
            due = timers.getCurrentProcessingTimeInMs() + TEN_MINUTES // 2
            self.handle.registerTimer(due)
            yield frame(key[0], "seen")

        def handleExpiredTimer(  # noqa: N802
            self,
            key: Any,
            timerValues: Any,  # noqa: N803
            expiredTimerInfo: Any,  # noqa: N803
        ) -> Frames:
            seconds = expiredTimerInfo.getExpiryTimeInMs() / 1000
            due = datetime.fromtimestamp(seconds, timezone.utc).astimezone()
            yield frame(key[0], f"due at {due:%H:%M}")

        def close(self) -> None:
            pass

    kafka.create_topics([f"{topic}-sink"])
    reminders = users.groupBy("user").transformWithStateInPandas(
        Reminder(), COLUMNS, "Update", "processingTime"
    )
    with kafka.run_stream(reminders, f"{topic}-sink", **STEPS) as run:
        run.batches(topic, [("ada", "v")])
        run.check_answer([("ada", "seen")])
        run.restart()
        run.batches(topic, [("bob", "v")])  # no timer runs before there is data
        run.check_new_answer([("ada", "due at 09:10"), ("bob", "seen")])


@pytest.mark.usefixtures("rocks_db")
def test_state_of_transform_with_state_lives_for_its_time(
    kafka: KafkaUtils, users: DataFrame, topic: str
) -> None:
    """It disappears ten minutes after it was last written."""
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class Counter(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.state = handle.getValueState("count", "n BIGINT", TEN_MINUTES)

        def handleInputRows(self, key: Any, rows: Any, timers: Any) -> Frames:  # noqa: N802
            before = self.state.get()[0] if self.state.exists() else 0
            count = before + sum(map(len, rows))
            self.state.update((count,))
            yield frame(key[0], str(count))

        def close(self) -> None:
            pass

    counts = users.groupBy("user").transformWithStateInPandas(
        Counter(), COLUMNS, "Update", "processingTime"
    )
    with kafka.run_stream(counts, **STEPS) as run:
        run.batches(topic, [("ada", "v")], [("ada", "v")])
        run.check_answer([("ada", "1"), ("ada", "2")])
        run.advance_to(at("09:15"))
        run.batches(topic, [("bob", "v")])  # at 09:20, when ada's time is over
        run.batches(topic, [("ada", "v")])
        run.check_answer([("ada", "1"), ("ada", "2"), ("bob", "1"), ("ada", "1")])
