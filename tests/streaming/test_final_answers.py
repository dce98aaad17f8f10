"""A wrong answer is reported once it is final, and not before."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils, WaitError
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.sessions import ON_CONNECT, needs_own_functions

from .conftest import Queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.state import GroupState

# No test waits that long.
LONG = 900.0
ONE = (
    r"  final after \d+ checks?: its query has processed all that is in Kafka, and "
    r"waits for data"
)


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def upper(source: DataFrame) -> DataFrame:
    return source.selectExpr("key", "upper(CAST(value AS STRING)) AS value")


def per_window(source: DataFrame) -> DataFrame:
    """The number of records in each closed window of ten minutes of event time."""
    from pyspark.sql import functions

    return (
        source.selectExpr("CAST(CAST(value AS STRING) AS TIMESTAMP) AS at")
        .withWatermark("at", "0 seconds")
        .groupBy(functions.window("at", "10 minutes").alias("w"))
        .count()
        .selectExpr(
            "date_format(w.start, 'HH:mm') AS key", "CAST(count AS STRING) AS value"
        )
    )


def times(*minutes: str) -> list[tuple[str, str]]:
    return [("k", f"2026-01-01 {minute}:00") for minute in minutes]


@pytest.mark.parametrize(
    "trigger",
    [{}, {"trigger": {"processingTime": "1 second"}}],
    ids=["at once", "each second"],
)
def test_a_wrong_answer_of_an_idle_query_is_told_at_once(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink: str,
    trigger: Any,
) -> None:
    """The message says why the check does not wait."""
    df = upper(queries.source(topic))
    with kafka.run_stream(df, sink, timeout=LONG, **trigger) as stream:
        stream.add_data(topic, [("a", "x")])
        with pytest.raises(WaitError) as caught:
            stream.check_answer({"a": "Y"})
        stream.check_answer({"a": "X"})
    first, second, *_ = str(caught.value).splitlines()
    assert first == "Wrong answer: 'a': expected 'Y', last 'X'"
    assert re.fullmatch(ONE, second)


def test_a_window_that_stays_open_is_final(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The batch without data that a watermark causes has run by then."""
    df = per_window(queries.source(topic))
    with kafka.run_stream(df, sink, timeout=LONG) as stream:
        stream.add_data(topic, times("09:01", "09:02"))
        with pytest.raises(WaitError) as caught:
            stream.check_answer({"09:00": "2"})
    first, *lines = str(caught.value).splitlines()
    assert first == "Wrong answer: missing '09:00': '2'"
    if not ON_CONNECT:  # it does not show the output mode
        assert lines.pop(0).startswith("The state holds 1 row, and the watermark is ")
    assert re.fullmatch(ONE, lines[0])


def test_a_window_that_a_watermark_closes_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It comes in a batch without data, after all data is processed.

    That holds every time.
    """
    df = per_window(queries.source(topic))
    expected: dict[str, str] = {}
    with kafka.run_stream(df, sink, timeout=LONG) as stream:
        stream.add_data(topic, times("09:00"))
        for hour in range(10, 20):
            stream.add_data(topic, times(f"{hour}:00"))
            expected[f"{hour - 1:02}:00"] = "1"
            stream.check_answer(expected)


def test_queries_that_feed_one_another_are_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The second one is idle until the first has written. That holds every time."""
    last = f"{topic}-last"
    kafka.create_topics([last])
    expected: dict[str, str] = {}
    with (
        kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as first,
        kafka.run_stream(upper(queries.source(sink)), last, timeout=LONG) as second,
    ):
        for number in range(10):
            first.add_data(topic, [(str(number), "x")])
            expected[str(number)] = "X"
            second.check_answer(expected)
        with pytest.raises(WaitError) as caught:
            second.check_answer({})
    assert re.search(
        r"\n  final after \d+ checks?: all queries have processed all that is in "
        r"Kafka, and wait for data\n",
        str(caught.value),
    )


def test_what_another_thread_sends_is_waited_for_on_request(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The kit can't know about it before it is sent."""
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as stream:
        stream.add_data(topic, [("a", "x")])
        stream.check_answer({"a": "X"})
        sender = threading.Timer(1.0, lambda: kafka.send_messages(topic, [("b", "y")]))
        sender.start()
        stream.check_answer({"a": "X", "b": "Y"}, until_timeout=True)
        sender.join()


def test_a_query_with_another_source_is_never_final(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Its rows come without anybody sending them."""
    finality = Finality(cluster_of(kafka), queries.spark)
    with kafka.run_stream(upper(queries.source(topic)), sink) as stream:
        stream.process_all_available()
        while not finality.reason():
            pass
        rate = queries.spark.readStream.format("rate").load()
        query = rate.writeStream.format("noop").start()
        try:
            while not query.recentProgress:
                assert not finality.reason()
            for _ in range(20):
                assert not finality.reason()
        finally:
            query.stop()


def time_out(
    key: tuple[str], frames: Iterator[pd.DataFrame], state: GroupState
) -> Iterator[pd.DataFrame]:
    import pandas

    if state.hasTimedOut:
        state.remove()
        yield pandas.DataFrame({"key": [key[0]], "value": ["timed out"]})
    else:
        list(frames)
        state.update((1,))
        state.setTimeoutDuration(1500)


@needs_own_functions
def test_a_timer_of_processing_time_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It fires without data."""
    keyed = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    df = keyed.groupBy("key").applyInPandasWithState(
        time_out,
        "key string, value string",
        "n int",
        "append",
        "ProcessingTimeTimeout",
    )
    with kafka.run_stream(df, sink, timeout=LONG) as stream:
        stream.add_data(topic, [("a", "x")])
        stream.check_answer({"a": "timed out"})
