"""What is left of a query that the kit has stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils
from tests import remains
from tests.sessions import needs_jvm

from .conftest import Queries

if TYPE_CHECKING:
    import pandas as pd

pytestmark = needs_jvm

TEN = [(n, n) for n in range(10)]
TIMES = 3


def test_no_connection_to_python_is_left(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A process may open a thousand files. The thread that has served it ends too."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)

    def rows(df: Any, number: int) -> None:
        seen.append(df.count())

    seen: list[int] = []
    before = 0
    for _ in range(TIMES):
        query = queries.source(topic).writeStream.foreachBatch(rows).start()
        kafka.wait_until_processed(query)
        kafka.stop_queries(queries.spark)
        before = before or threading.active_count()
    assert seen == [10] * TIMES
    assert remains.connections(queries.spark) == 0
    kafka.assert_eventually(lambda: threading.active_count() <= before, True)


def test_a_query_goes_on_to_call_python_after_another_has_ended(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its own connection is closed with the rest, and it opens another."""
    kafka.create_topics([topic])
    seen: list[int] = []
    writer = queries.source(topic).writeStream
    stays = writer.foreachBatch(lambda df, _: seen.append(df.count())).start()
    for number in range(TIMES):
        kafka.send_messages(topic, TEN)
        kafka.wait_until_processed(stays)
        assert sum(seen) == 10 * (number + 1)
        ends = queries.to_memory(queries.source(topic), f"ends_{number}")
        kafka.wait_until_processed(ends)
        with kafka.run_stream(queries.source(topic), foreach_batch=print) as run:
            run.process_all_available()
    assert stays.isActive


def test_no_listener_of_a_stateful_query_is_left(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Each event of all queries would go to it. The session's own stays."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    before = remains.listeners(queries.spark)
    for number in range(TIMES):
        keys = queries.source(topic).select("key").dropDuplicates()
        query = queries.to_memory(keys, f"keys_{number}")
        kafka.wait_until_processed(query)
        kafka.stop_queries(queries.spark)
        assert queries.rows(f"keys_{number}") == 10
    assert remains.listeners(queries.spark) == before


@pytest.mark.usefixtures("rocks_db")
def test_no_thread_of_transform_with_state_is_left(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It would keep the query's session for as long as Spark runs."""
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class Counter(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.state = handle.getValueState("count", "n BIGINT")

        def handleInputRows(  # noqa: N802
            self, key: Any, rows: Any, timers: Any
        ) -> Iterator[pd.DataFrame]:
            import pandas as pd

            self.state.update((sum(map(len, rows)),))
            yield pd.DataFrame({"key": [key[0]]})

        def close(self) -> None:
            pass

    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    keys = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    counts = keys.groupBy("key").transformWithStateInPandas(
        Counter(), "key STRING", "Update", "none"
    )
    query = counts.writeStream.outputMode("update").format("noop").start()
    kafka.wait_until_processed(query)
    assert remains.monitors(queries.spark) == 1
    kafka.stop_queries(queries.spark)
    kafka.assert_eventually(lambda: remains.monitors(queries.spark), 0)
    assert "InterruptedException" not in capfd.readouterr().err
