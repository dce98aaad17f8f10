"""Which causes the message of a failed check names, and which it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils, WaitError
from tests.sessions import needs_jvm, needs_own_functions

from .conftest import Queries
from .test_final_answers import per_window, times, upper

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LONG = 900.0


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def told(caught: pytest.ExceptionInfo[WaitError]) -> str:
    """The second line of the message, which is a cause if there is one."""
    return str(caught.value).splitlines()[1]


@needs_jvm
def test_state_is_told_only_where_a_window_is_missing(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Not for a window with another value, and not for the state of deduplication."""
    with kafka.run_stream(per_window(queries.source(topic)), sink, timeout=LONG) as run:
        run.add_data(topic, times("09:00", "10:00"))
        run.check_answer({"09:00": "1"})
        with pytest.raises(WaitError) as caught:
            run.check_answer({"09:00": "2"})
        assert told(caught).startswith("  final after ")
        with pytest.raises(WaitError) as caught:
            run.check_answer({"09:00": "1", "10:00": "1"})
        assert told(caught).startswith("The state holds 1 row, and the watermark is ")
    once = (
        queries.source(topic)
        .selectExpr("CAST(value AS STRING) AS value", "timestamp")
        .withWatermark("timestamp", "0 seconds")
        .dropDuplicates(["value"])
    )
    with kafka.run_stream(once.select("value"), timeout=LONG) as run:
        run.process_all_available()
        with pytest.raises(WaitError) as caught:
            run.check_answer([("none",)])
        assert told(caught) == "  missing:    ('none',)"


@needs_jvm
def test_a_sink_topic_that_does_not_exist_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It is named even if the test waits for another topic."""
    kafka.send_messages(topic, [("a", "x")])
    query = queries.to_topic(queries.source(topic), f"{sink}s")
    with pytest.raises(WaitError) as caught:
        kafka.wait_for_records(sink, timeout=0.1, query=query)
    assert told(caught) == (
        f"Query {query.id} writes to topic '{sink}s', which does not exist. Did you "
        f"mean {sink!r}? If not, call create_topics(['{sink}s']) first."
    )
    (cause,) = caught.value.causes
    assert cause == told(caught)


def test_records_before_a_query_are_told_only_where_something_is_missing(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The marker of a transaction does not count as a record."""
    kafka.send_messages(topic, [("a", "x")], transactional=True)
    df = upper(queries.source(topic, startingOffsets="latest"))
    with kafka.run_stream(df, sink, timeout=LONG) as run:
        run.add_data(topic, [("b", "y")])
        with pytest.raises(WaitError) as caught:
            run.check_answer({"b": "Z"})
        assert told(caught).startswith("  final after ")
        with pytest.raises(WaitError) as caught:
            run.check_answer({"a": "X", "b": "Y"})
        assert ", so 1 record before it is not read. " in told(caught)


@needs_own_functions
def test_a_function_that_looks_at_no_row_has_read_them(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Spark counts no rows for such a function."""
    kafka.send_messages(topic, [("a", "x")])

    def ignore(df: DataFrame, batch: int) -> None:
        pass

    with kafka.run_stream(queries.source(topic), foreach_batch=ignore) as run:
        run.process_all_available()
        with pytest.raises(WaitError) as caught:
            kafka.assert_eventually(lambda: 1, 2, timeout=0, query=run.query)
        assert told(caught).startswith("  query ")


@needs_jvm
def test_a_topic_that_another_query_reads_is_no_mistake(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """That holds even if its name is similar, and sending to it created it."""
    near = topic.replace("another", "anothar")
    assert near != topic
    kafka.send_messages(near, [("a", "x")])
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as run:
        run.add_data(topic, [("b", "y")])
        with pytest.raises(WaitError) as caught:
            run.check_answer({"a": "X", "b": "Y"})
        assert told(caught).startswith(f"No query reads topic {near!r}, which did not ")
        keys = queries.source(near).selectExpr("CAST(key AS STRING)")
        with kafka.run_stream(keys, timeout=LONG) as other:
            other.check_answer([("a",)])
            with pytest.raises(WaitError) as caught:
                run.check_answer({"a": "X", "b": "Y"})
        assert told(caught).startswith("  final after ")


class Letters:
    """A matcher that raises an error for anything but text."""

    def __eq__(self, other: object) -> bool:
        return other.startswith("x")  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]


def test_an_explanation_that_fails_is_left_out(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The message itself still comes. Any iterable counts as a list."""
    copy = queries.source(topic).select("key", "value")
    with kafka.run_stream(copy, sink, timeout=LONG) as run:
        run.add_data(topic, [("a", "5"), ("b", "[" * 100_000)])
        run.check_answer({"a": "5", "b": "[" * 100_000}.items())
        with pytest.raises(WaitError) as caught:
            run.check_answer({"a": Letters(), "b": "["})
        assert str(caught.value).startswith("Wrong answer: 'a': expected <")
        assert told(caught).startswith("  different:  'a': expected <")


def test_a_stream_may_hand_on_what_its_sink_can_take(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Rows of partitions that the sink has, and columns that Kafka does not know."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic], 3)
    kafka.create_topics([sink])
    rows = queries.source(topic).where("partition = 0")
    with kafka.run_stream(rows.selectExpr("*", "1 AS Key"), sink, timeout=LONG) as run:
        run.process_all_available()
        kafka.send_messages(f"{topic}-prices", [("a", "1")])
        run.add_data(f"{topic}-prices", [("b", "2")])  # for example of a static side
