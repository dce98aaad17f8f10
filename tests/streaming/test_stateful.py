"""State kept in Python, over a restart, with event time that records move.

The other patterns are in docs/time-and-state.md, whose code is run too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pytest

from spark_kafka_testkit import KafkaUtils, Record, StreamRun

from .conftest import VERSION, Queries

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

Frames: TypeAlias = "Iterator[pd.DataFrame]"

MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01


def visit(user: str, minute: int) -> Record:
    return Record(user, "visit", timestamp=START + minute * MINUTE)


def visits(queries: Queries, topic: str) -> DataFrame:
    return (
        queries.source(topic)
        .selectExpr("CAST(key AS STRING) AS user", "timestamp")
        .withWatermark("timestamp", "1 minute")
    )


def check_sessions(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sessions: DataFrame,
    counts: Callable[[StreamRun], dict[str, int]],
) -> None:
    """Check that a user's session ends ten minutes after the last visit.

    That holds despite a restart in the middle. The state is checked as well, if Spark
    can read it.

    Args:
        counts: a function that returns the visits of the open sessions, by user, from
            the state.
    """
    sink = f"{topic}-sink"
    kafka.create_topics([sink])
    with kafka.run_stream(sessions, sink, output_mode="update") as stream:
        stream.add_data(topic, [visit("ada", 0), visit("bob", 0), visit("ada", 5)])
        stream.check_answer([])
        stream.restart()
        stream.add_data(topic, [visit("ada", 8)])
        stream.process_all_available()
        stream.add_data(topic, [visit("closer", 15)])
        stream.check_answer([("bob", "1")])
        if VERSION >= (4, 0):
            assert counts(stream) == {"ada": 3, "closer": 1}
        stream.add_data(topic, [visit("closer", 30)])
        stream.check_answer([("ada", "3"), ("bob", "1")])


def test_sessions_by_apply_in_pandas_with_state_end(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A timeout in event time fires when a later record has moved the watermark."""
    if VERSION < (4, 2) and int(pa.__version__.split(".")[0]) > 15:
        pytest.skip("applyInPandasWithState of Spark before 4.2 fails with new pyarrow")
    from pyspark.sql.streaming.state import GroupStateTimeout

    def session(key: Any, parts: Any, state: Any) -> Frames:
        import pandas as pd

        if state.hasTimedOut:
            (count, _) = state.get
            state.remove()
            yield pd.DataFrame({"key": [key[0]], "value": [str(count)]})
            return
        count, last = state.get if state.exists else (0, 0)
        for part in parts:
            count += len(part)
            last = max(last, int(part["timestamp"].max().timestamp() * 1000))
        state.update((count, last))
        state.setTimeoutTimestamp(last + 10 * 60_000)

    kafka.create_topics([topic])
    sessions = (
        visits(queries, topic)
        .groupBy("user")
        .applyInPandasWithState(
            session,
            "key STRING, value STRING",
            "count BIGINT, last BIGINT",
            "update",
            GroupStateTimeout.EventTimeTimeout,
        )
    )

    def counts(stream: StreamRun) -> dict[str, int]:
        rows = stream.state()
        return {row["user"]: row["groupState"]["count"] for row in rows}

    check_sessions(kafka, queries, topic, sessions, counts)


@pytest.mark.usefixtures("rocks_db")
def test_sessions_by_transform_with_state_end(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Timers of a stateful processor end the sessions."""
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class Session(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.handle = handle
            self.state = handle.getValueState("session", "count BIGINT, due BIGINT")

        def handleInputRows(self, key: Any, rows: Any, *_: Any) -> Frames:  # noqa: N802
            import pandas as pd

            count, due = self.state.get() if self.state.exists() else (0, 0)
            if due:
                self.handle.deleteTimer(due)
            for part in rows:
                count += len(part)
                last = int(part["timestamp"].max().timestamp() * 1000)
                due = max(due, last + 10 * 60_000)
            self.state.update((count, due))
            self.handle.registerTimer(due)
            yield pd.DataFrame({"key": [], "value": []}, dtype=str)

        def handleExpiredTimer(  # noqa: N802
            self,
            key: Any,
            timerValues: Any,  # noqa: N803
            expiredTimerInfo: Any,  # noqa: N803
        ) -> Frames:
            import pandas as pd

            count, _ = self.state.get()
            self.state.clear()
            yield pd.DataFrame({"key": [key[0]], "value": [str(count)]})

        def close(self) -> None:
            pass

    kafka.create_topics([topic])
    sessions = (
        visits(queries, topic)
        .groupBy("user")
        .transformWithStateInPandas(
            Session(), "key STRING, value STRING", "Update", "eventTime"
        )
    )

    def counts(stream: StreamRun) -> dict[str, int]:
        timers = stream.timers()
        assert len(timers) == 2
        return {row["user"]: row["count"] for row in stream.state(variable="session")}

    check_sessions(kafka, queries, topic, sessions, counts)
