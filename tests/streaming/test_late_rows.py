"""Late rows, counted one by one."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.sql import functions

from spark_kafka_testkit import KafkaUtils, Record, WaitError, at
from tests.sessions import needs_jvm, needs_own_functions

from .conftest import VERSION, Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LONG = 900.0

pytestmark = needs_jvm


@pytest.fixture
def source(kafka: KafkaUtils, queries: Queries, topic: str) -> DataFrame:
    """A stream of one topic with keys and timestamps."""
    kafka.create_topics([topic], 2)
    return queries.source(topic).select(
        functions.col("key").cast("string").alias("key"), "timestamp"
    )


def clicks(key: str, *times: str) -> list[Record]:
    """Records with a key at these times of day, in alternating partitions."""
    return [
        Record(key, "v", timestamp=at(time), partition=number % 2)
        for number, time in enumerate(times)
    ]


def per_window(source: DataFrame) -> DataFrame:
    """The number of rows per ten minutes and key, without those with the key `test`."""
    return (
        source.where("key <> 'test'")
        .withWatermark("timestamp", "1 minute")
        .groupBy(functions.window("timestamp", "10 minutes"), "key")
        .count()
    )


@needs_own_functions
def test_all_is_processed_when_the_watermark_has_moved(
    kafka: KafkaUtils, queries: Queries, source: DataFrame, topic: str
) -> None:
    """A batch without data moves it.

    A row behind the watermark that got into that batch would not be late.
    """
    begun, released = Event(), Event()

    def write(df: DataFrame, batch: int) -> None:
        df.collect()
        if batch == 1:
            begun.set()
            released.wait()

    kafka.send_messages(topic, clicks("a", "10:15"))
    rows = per_window(source)
    query = rows.writeStream.foreachBatch(write).queryName("held").start()
    try:
        assert begun.wait(LONG)
        followed = kafka.follow(query, answer=list, timeout=0.3)
        followed.start()
        with pytest.raises(WaitError) as caught:
            followed.process_all_available()
        assert str(caught.value) == (
            f"Query 'held' ({query.id}) has processed its topics, but had not come to "
            "rest within 0.3 s.\n"
            "The batch after it, without data where only the watermark moves, has not "
            "ended. Give it more time (timeout=...), or look for what holds it.\n"
            f"  query 'held' ({query.id}): active, status 'No new data but cleaning up "
            "state'\n  last progress: batch 0, 1 input rows, begun "
            f"{query.lastProgress['timestamp']}"
        )
    finally:
        released.set()
    with kafka.run_stream(rows, timeout=LONG) as run:
        run.process_all_available()
        run.add_data(topic, clicks("a", "09:51"))
        run.check_late(dropped=1)


@pytest.mark.parametrize("mode", ["append", "update"])
def test_each_late_row_counts(
    kafka: KafkaUtils, source: DataFrame, topic: str, mode: str
) -> None:
    """Two rows with one key and window in one batch count as two.

    Spark counts them as one. A row behind the watermark whose window is still open is
    not late.
    """
    with kafka.run_stream(per_window(source), output_mode=mode, timeout=LONG) as run:
        run.check_late(dropped=0)
        run.add_data(topic, clicks("a", "10:15"))
        run.check_late(dropped=0)
        run.add_data(topic, clicks("a", "09:51", "10:11", "09:52", "10:16"))
        run.add_data(topic, clicks("test", "09:53"))
        run.check_late(dropped=2, accepted=3, filtered=1)
        run.add_data(topic, clicks("b", "09:51"))
        run.check_late(dropped=3)
        with pytest.raises(WaitError) as caught:
            run.check_late(dropped=2, accepted=4)
        assert str(caught.value).splitlines()[:2] == [
            "Expected 2 dropped, 4 accepted, got 3 dropped, 3 accepted (rows of "
            "stateStoreSave)",
            "The late rows were those of 2026-01-01T09:51:00Z, 2026-01-01T09:52:00Z, "
            "2026-01-01T09:51:00Z. The last watermark that they missed was "
            "2026-01-01T10:15:00Z. Send in time order, or give withWatermark() a "
            "longer delay.",
        ]


def sliding(source: DataFrame) -> DataFrame:
    window = functions.window("timestamp", "10 minutes", "5 minutes")
    return source.withWatermark("timestamp", "1 minute").groupBy(window).count()


def sessions(source: DataFrame) -> DataFrame:
    session = functions.session_window("timestamp", "5 minutes")
    return source.withWatermark("timestamp", "1 minute").groupBy("key", session).count()


def without_duplicates(source: DataFrame) -> DataFrame:
    return source.withWatermark("timestamp", "1 minute").dropDuplicates(
        ["key", "timestamp"]
    )


def within_watermark(source: DataFrame) -> DataFrame:
    return source.withWatermark("timestamp", "1 minute").dropDuplicatesWithinWatermark(
        ["key"]
    )


def with_state(source: DataFrame) -> DataFrame:
    if VERSION < (4, 2) and int(pa.__version__.split(".")[0]) > 15:
        pytest.skip("applyInPandasWithState of Spark before 4.2 fails with new pyarrow")

    def count(key: Any, parts: Any, state: Any) -> Any:
        import pandas as pd

        yield pd.DataFrame({"key": [key[0]], "n": [sum(map(len, parts))]})

    return (
        source.withWatermark("timestamp", "1 minute")
        .groupBy("key")
        .applyInPandasWithState(
            count, "key string, n long", "n long", "append", "EventTimeTimeout"
        )
    )


def joined(source: DataFrame) -> DataFrame:
    ones = source.where("key LIKE 'a%'").withWatermark("timestamp", "1 minute")
    others = source.where("key LIKE 'b%'").withWatermark("timestamp", "1 minute")
    return ones.alias("a").join(
        others.alias("b"),
        functions.expr("a.timestamp = b.timestamp"),
    )


@pytest.mark.parametrize(
    ("job", "dropped"),
    [
        (sliding, 4 + 1),  # 10:09 is late only for the window that ends at 10:10
        (sessions, 3),
        (without_duplicates, 3),
        (within_watermark, 3),
        (joined, 3),
        (with_state, 3),
    ],
)
def test_the_operators_that_drop_rows(
    kafka: KafkaUtils, source: DataFrame, topic: str, job: Any, dropped: int
) -> None:
    """Some compare the end of a window with the watermark, others the row's time."""
    with kafka.run_stream(job(source), output_mode="append", timeout=LONG) as run:
        run.add_data(topic, clicks("a", "10:15") + clicks("b", "10:15"))
        run.check_late(dropped=0)
        run.add_data(topic, clicks("a", "09:40", "09:40", "10:09", "10:20"))
        run.check_late(dropped=dropped)


def test_a_row_in_two_windows_is_read_once(
    kafka: KafkaUtils, source: DataFrame, topic: str
) -> None:
    """It is dropped or accepted once for each window, and filtered once."""
    df = sliding(source.where("key <> 'test'"))
    with kafka.run_stream(df, output_mode="append", timeout=LONG) as run:
        run.add_data(topic, clicks("a", "10:15") + clicks("test", "10:15"))
        run.process_all_available()
        run.add_data(topic, clicks("a", "09:40", "10:09"))
        run.check_late(dropped=2 + 1, accepted=2 + 1, filtered=1)


def test_what_comes_from_another_operator_is_refused(
    kafka: KafkaUtils, source: DataFrame, topic: str
) -> None:
    """With two operators, the test must name the one whose rows it counts.

    It names the one that reads from Kafka.
    """
    hours = per_window(source).groupBy(functions.window("window", "1 hour")).count()
    with kafka.run_stream(hours, output_mode="append", timeout=LONG) as run:
        run.add_data(topic, clicks("a", "10:15"))
        run.check_nothing_new()  # after this the watermark has moved
        run.add_data(topic, clicks("a", "09:40"))
        with pytest.raises(ValueError, match=r"stateful operators are 0 \(state.*, 1 "):
            run.check_late(dropped=1)
        run.check_late(dropped=1, operator=1)


def test_a_query_without_state_has_no_late_rows(
    kafka: KafkaUtils, source: DataFrame, topic: str
) -> None:
    """The error says so."""
    with (
        kafka.run_stream(source, timeout=LONG) as run,
        pytest.raises(ValueError, match=r"The query has no stateful operator\."),
    ):
        run.check_late(dropped=0)


def test_the_whole_run_counts_with_its_restarts(
    kafka: KafkaUtils, source: DataFrame, topic: str
) -> None:
    """Spark itself only keeps the progress of the last query."""
    kafka.create_topics([f"{topic}-sink"])
    counts = per_window(source).selectExpr("key", "CAST(count AS STRING) AS value")
    late = 0
    with kafka.run_stream(
        counts, f"{topic}-sink", trigger={"availableNow": True}, timeout=LONG
    ) as run:
        run.add_data(topic, clicks("a", "10:15"))
        run.next_batch()
        for _ in range(3):
            run.add_data(topic, clicks("a", "09:40", "09:41"))
            assert run.next_batch().late_rows == 1
            late += 2
            run.check_late(dropped=late)
