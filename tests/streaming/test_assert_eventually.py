"""assert_eventually is woken by new records, and ends early if its query does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import Row

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import UnknownTopicError, WaitError

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOUR = 3600.0


def acts_when_checked(
    read: Callable[[], Any], act: Callable[..., Any], *arguments: Any
) -> Callable[[], Any]:
    """A function to check. After its first check, another thread acts."""
    checks: list[Any] = []

    def check() -> Any:
        checks.append(read())
        if len(checks) == 1:
            threading.Timer(0.2, act, arguments).start()
        return checks[-1]

    return check


def sends_when_checked(
    kafka: KafkaUtils, topic: str, read: Callable[[], Any]
) -> Callable[[], Any]:
    """A function to check. After its first check, another thread sends a record."""
    return acts_when_checked(read, kafka.send_messages, topic, [("k", "new")])


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda kafka, topic: kafka.get_all_records(None, topic), {"k": "new"}),
        (lambda kafka, topic: [r.value for r in kafka.read_records(topic)], ["new"]),
        (lambda kafka, topic: kafka.read_arrow(topic).num_rows, 1),
    ],
    ids=["get_all_records", "read_records", "read_arrow"],
)
def test_a_new_record_is_seen_long_before_the_interval(
    kafka: KafkaUtils, queries: Queries, topic: str, read: Any, expected: Any
) -> None:
    """If the function reads through the kit, the interval is only an upper limit."""
    kafka.create_topics([topic])
    check = sends_when_checked(kafka, topic, lambda: read(kafka, topic))
    started = time.monotonic()
    kafka.assert_eventually(check, expected, timeout=60, interval=HOUR)
    assert time.monotonic() - started < 30


def test_any_topic_that_was_read_wakes_the_assertion(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The function reads several topics."""
    topics = [f"{topic}-{n}" for n in range(3)]
    kafka.create_topics(topics)

    def read() -> int:
        return sum(len(kafka.read_records(name)) for name in topics)

    for count, name in enumerate(topics, 1):
        check = sends_when_checked(kafka, name, read)
        started = time.monotonic()
        kafka.assert_eventually(check, count, timeout=60, interval=HOUR)
        assert time.monotonic() - started < 30


def test_a_topic_that_can_no_longer_be_watched_wakes_the_assertion(
    kafka: KafkaUtils, topic: str
) -> None:
    """The next check raises the reason."""
    kafka.create_topics([topic])
    check = acts_when_checked(
        lambda: len(kafka.read_records(topic)), kafka.delete_topics, [topic]
    )
    started = time.monotonic()
    with pytest.raises(UnknownTopicError):
        kafka.assert_eventually(check, 1, timeout=60, interval=HOUR)
    assert time.monotonic() - started < 30


def test_an_assertion_is_not_woken_for_nothing(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """If nothing new comes, the function is called at the start and at the end.

    If it reads a topic only up to an earlier offset, the records after that offset do
    not wake the assertion.
    """
    kafka.create_topics([topic])
    mark = kafka.mark(topic)
    kafka.send_messages(topic, [("k", "v")])
    for end, wanted in (("latest", 2), (mark, 0)):
        with pytest.raises(WaitError) as caught:
            kafka.assert_eventually(
                lambda end=end: len(kafka.read_records(topic, end=end)),  # type: ignore[misc]
                wanted + 1,
                timeout=1,
                interval=HOUR,
            )
        assert caught.value.checks == 2
        assert str(caught.value).splitlines()[1] == "  checked 2 times"


def test_a_dead_query_ends_the_assertion_at_once(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The query's own exception is raised."""
    kafka.create_topics([topic])
    query = queries.to_memory(queries.failing(topic), "dies_under_assert")
    kafka.wait_for_query_alive(query)
    kafka.send_messages(topic, [("k", "v")])
    with pytest.raises(StreamingQueryException, match="as the test wants it"):
        kafka.assert_eventually(lambda: 1, 2, interval=HOUR, query=query)


def test_the_result_is_checked_once_more_when_the_query_has_ended(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """What the query has written counts. Nothing more can come."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, [("k", "v")])
    query = queries.to_memory(queries.source(topic), "ended_early", availableNow=True)
    count = lambda: queries.rows("ended_early")  # noqa: E731
    kafka.assert_eventually(count, 1, interval=HOUR, query=query)
    with pytest.raises(
        WaitError, match=r"\n  final after \d+ checks?: its query has ended\n"
    ):
        kafka.assert_eventually(count, 2, query=query)


def test_a_failed_assertion_shows_difference_topic_and_query(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The message shows how far the topic was read, and where the query is."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    kafka.send_messages(topic, [("a", "1"), ("b", "2")])
    query = queries.to_topic(queries.source(topic), sink)
    kafka.wait_until_processed(query)
    with pytest.raises(WaitError) as caught:
        kafka.assert_eventually(
            lambda: kafka.get_all_records(queries.spark, sink),
            {"a": "1", "b": "3", "c": "4"},
            timeout=0,
            query=query,
        )
    text = str(caught.value)
    status = text.partition("status ")[2].partition("\n")[0]
    assert text == (
        "Wrong answer: missing 'c': '4', and 1 more\n"
        "  missing:    'c': '4'\n"
        "  different:  'b': expected '3', last '2'\n"
        f"  topic {sink!r} was read up to 2 (partition 0)\n"
        f"  query {query.id}: active, status {status}\n"
        "  last progress: batch 0, 2 input rows, begun "
        f"{query.lastProgress['timestamp']}"
    )


def test_a_wait_for_records_knows_its_query(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The exception of a dead query ends the wait.

    If the query has ended normally, what it has written counts.
    """
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    kafka.send_messages(topic, [("a", "1")])
    query = queries.to_topic(queries.source(topic), sink, availableNow=True)
    (record,) = kafka.wait_for_records(sink, query=query)
    assert record.value == "1"
    with pytest.raises(WaitError, match="when its query had ended"):
        kafka.wait_for_records(sink, 2, query=query)
    dead = queries.to_memory(queries.failing(topic), "dies_under_wait")
    with pytest.raises(StreamingQueryException, match="as the test wants it"):
        kafka.wait_for_records(sink, 2, query=dead)


def test_a_spark_frame_is_refused_with_a_hint(spark: SparkSession) -> None:
    """Without rows it would never be equal. A function may still accept one."""
    frame = spark.range(3)
    assert_eventually(lambda: frame, lambda result: result.count() == 3, timeout=0)
    for result, expected in (
        (frame, [(0,)]),
        (None, frame),
        ([frame], [frame.limit(1)]),
    ):
        with pytest.raises(TypeError) as caught:
            assert_eventually(lambda result=result: result, expected, timeout=60)  # type: ignore[misc]
        assert str(caught.value) == (
            "A Spark DataFrame has no rows to compare until you fetch them. Give its "
            "collect() or its toPandas()."
        )


def test_a_row_is_a_value(spark: SparkSession) -> None:
    """A Row is callable, but it is not taken for a function that judges the result."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(spark.range(3).first, Row(id=5), timeout=0)
    assert str(caught.value) == (
        "Wrong answer: missing 5, and 1 more\n  missing:    5\n  unexpected: 0"
    )
    assert_eventually(spark.range(3).first, Row(id=0), timeout=0)
