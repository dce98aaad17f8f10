"""Bad input to the whole public API, where there is a broker that it could reach."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import SerializationError
from tests.bad_input import TOPIC, Hostile, rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HANG_SECONDS = 60.0  # a row takes milliseconds; the kit's waits a minute and more


def children() -> set[str]:
    """The processes that this one has started; only Linux tells."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


def settled(running: Callable[[], set[Any]], before: set[Any]) -> set[Any]:
    """What runs that did not before, once what is ending has ended."""
    deadline = time.monotonic() + HANG_SECONDS
    while (more := running() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    return more


def test_nothing_is_sent_and_nothing_left(
    utils: KafkaUtils, record_property: Callable[[str, object], None]
) -> None:
    """Every row says what it says without a broker, and leaves the broker, the threads
    and the processes as they were.
    """
    utils.create_topics([TOPIC])
    utils.send_messages(TOPIC, [("k", "v")])
    topics, offsets = set(utils.admin_client.list_topics()), utils.offsets(TOPIC)
    threads, processes = set(threading.enumerate()), children()
    wrong, took = [], {}
    for row in rows():
        started = time.monotonic()
        try:
            row.call(utils)
        except Exception as error:  # noqa: BLE001  that is what is looked at
            if (type(error), str(error)) != (row.kind, row.text):
                wrong.append((row.name, repr(error)))
        else:
            wrong.append((row.name, "it is taken"))
        took[row.name] = time.monotonic() - started
    assert wrong == []
    slowest = max(took, key=lambda name: took[name])
    record_property("slowest row", f"{took[slowest]:.3f} s: {slowest}")
    assert took[slowest] < HANG_SECONDS
    assert set(utils.admin_client.list_topics()) == topics
    assert utils.offsets(TOPIC) == offsets
    gc.collect()
    assert settled(lambda: set(threading.enumerate()), threads) == set()
    assert settled(children, processes) == set()
    utils.delete_topics([TOPIC])


@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
def test_a_bad_message_in_the_first_batch_makes_no_topic(
    kafka: KafkaUtils, topic: str, transactional: bool
) -> None:
    """Nor is anything sent: it is met before the broker is asked for anything."""
    messages = [("k", "v")] * 1000 + [("k", Hostile())]
    for source in (messages, iter(messages)):
        with pytest.raises(SerializationError) as caught:
            kafka.send_messages(topic, source, transactional=transactional)
        assert str(caught.value) == (
            "The value of message 1000: str() of a Hostile raises RuntimeError: hostile"
        )
        assert not hasattr(caught.value, "__notes__")
    assert topic not in kafka.admin_client.list_topics()


@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
def test_a_bad_message_further_on_says_what_was_sent(
    utils: KafkaUtils, topic: str, transactional: bool
) -> None:
    """Messages are serialized while those before them are sent; in a transaction
    nothing is seen of these.
    """
    utils.create_topics([topic])
    messages = [("k", "v")] * 20_000 + [("k", "\ud800")]
    with pytest.raises(SerializationError) as caught:
        utils.send_messages(topic, messages, transactional=transactional)
    assert str(caught.value) == (
        "The value of message 20000: '\\ud800' can't be encoded as UTF-8: 'utf-8' "
        "codec can't encode character '\\ud800' in position 0: surrogates not allowed"
    )
    told = (
        "The transaction was aborted: none of them will be seen."
        if transactional
        else "16,384 messages were sent before that, and are in the topic."
    )
    assert vars(caught.value)["__notes__"] == [f"Topic {topic!r}: {told}"]
    assert len(utils.read_records(topic)) == (0 if transactional else 16_384)


def test_a_predicate_that_raises_stop_iteration(utils: KafkaUtils, topic: str) -> None:
    """It comes through: it is no end of the records."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", "v")])

    def predicate(record: Record) -> bool:
        raise StopIteration(record.value)

    with pytest.raises(StopIteration, match="v"):
        utils.wait_for_records(topic, predicate=predicate)


def test_a_time_at_the_end_of_kafkas_range(utils: KafkaUtils, topic: str) -> None:
    """It is one that no record has reached."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", "v")])
    assert utils.read_records(topic, start=(1 << 63) - 1) == []
    assert len(utils.read_records(topic, end=(1 << 63) - 1)) == 1


def test_a_record_of_the_far_future(utils: KafkaUtils, topic: str) -> None:
    """It is read as it was sent, though no datetime can tell its time."""
    last = (1 << 63) - 1
    utils.create_topics([topic])
    utils.send_messages(topic, [Record("k", "v", timestamp=last)])
    (record,) = utils.read_records(topic)
    assert record.timestamp == last
    with pytest.raises(ValueError, match="outside the years"):
        _ = record.datetime
    column = utils.read_arrow(topic).column("timestamp")
    assert column.cast("int64").to_pylist() == [last]


@pytest.fixture(scope="module")
def stream(spark: SparkSession) -> DataFrame:
    """A stream that runs nowhere yet."""
    return spark.readStream.format("rate").load()


STREAMS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"df": None}, TypeError, "df must be a DataFrame, not NoneType"),
    ({"df": Hostile()}, TypeError, "df must be a DataFrame, not Hostile"),
    ({"topic": 5}, TypeError, "topic must be a str, not int"),
    ({"topic": ""}, ValueError, "topic must not be empty"),
    (
        {"topic": "t", "foreach_batch": print},
        ValueError,
        "Give only one of: a sink topic, a foreach_batch function, sink.",
    ),
    (
        {"foreach_batch": "f"},
        TypeError,
        "foreach_batch must be a function that takes a DataFrame and the batch's "
        "number, not str",
    ),
    ({"output_mode": None}, TypeError, "output_mode must be a str, not NoneType"),
    (
        {"output_mode": "all"},
        ValueError,
        "Unknown output_mode 'all'. Choose one of: append, update, complete.",
    ),
    (
        {"trigger": "5 seconds"},
        TypeError,
        "trigger must be a dict of arguments for Spark's trigger(), such as "
        "{'availableNow': True}, not str",
    ),
    ({"sink_options": ["a"]}, TypeError, "sink_options must be a dict, not list"),
    (
        {"sink_options": {"a": None}},
        TypeError,
        "sink_options must map names of settings to text or numbers, but 'a' has a "
        "NoneType",
    ),
    ({"checkpoint": 5}, TypeError, "checkpoint must be a str, not int"),
    ({"checkpoint": ""}, ValueError, "checkpoint must not be empty"),
    ({"timeout": "1"}, TypeError, "timeout must be a number of seconds, not str"),
    (
        {"timeout": float("inf")},
        ValueError,
        "timeout must be at most 1,000,000 s, got inf",
    ),
    ({"timeout": -1}, ValueError, "timeout must not be negative, got -1"),
]


@pytest.mark.parametrize(("arguments", "kind", "text"), STREAMS)
def test_a_stream_that_can_not_be_run(
    kafka: KafkaUtils,
    stream: DataFrame,
    arguments: dict[str, Any],
    kind: type[Exception],
    text: str,
) -> None:
    """It is told when the run is made: no query is started."""
    with pytest.raises(kind) as caught:
        kafka.run_stream(**{"df": stream, **arguments})
    assert str(caught.value) == text
    assert stream.sparkSession.streams.active == []


@pytest.fixture
def run(kafka: KafkaUtils, stream: DataFrame) -> Iterator[Any]:
    """A stream that runs."""
    with kafka.run_stream(stream.selectExpr("value")) as run:
        yield run


def test_the_steps_of_a_stream(run: Any) -> None:
    """They refuse what `KafkaUtils` refuses."""
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: run.add_data(5, []), TypeError, "topic must be a str, not int"),
        (lambda: run.add_data("", []), ValueError, "topic must not be empty"),
        (
            lambda: run.add_data("t", ["ab"]),
            TypeError,
            "messages must be (key, value) pairs or Records, but message 0 is 'ab'. "
            "For a value without a key, send (None, value).",
        ),
        (
            lambda: run.check_answer(5),
            TypeError,
            "expected must be a list of rows, as the sink has them, not int",
        ),
        (
            lambda: run.check_answer("ab"),
            TypeError,
            "expected must be a list of rows, as the sink has them, not str",
        ),
        (
            lambda: run.check_answer([], key_deserializer=5),
            TypeError,
            "key_deserializer must be a name or a callable, not int",
        ),
    ]
    for call, kind, text in cases:
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == text
