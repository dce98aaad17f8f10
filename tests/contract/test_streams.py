"""`iter_records`: a read whose records are drawn one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._model.offsets import Coverage
from spark_kafka_testkit.errors import (
    DeserializationError,
    OffsetRangeError,
    ReadError,
    UnknownTopicError,
)
from tests.contract.topics import hold, open_transaction
from tests.sessions import needs_jvm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MANY = 30_000


@pytest.fixture
def filled(utils: KafkaUtils, topic: str) -> str:
    """A topic with more records than are buffered at a time, in one partition."""
    utils.create_topics([topic])
    utils.send_messages(topic, ((str(n), "x" * 100) for n in range(MANY)))
    return topic


def test_the_range_is_captured_at_the_call(utils: KafkaUtils, topic: str) -> None:
    """What is sent before the first record is drawn is not in it."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("a", "1")])
    stream = utils.iter_records(topic)
    utils.send_messages(topic, [("b", "2")])
    assert [record.key for record in stream] == ["a"]


def test_errors_of_the_range_come_at_the_call(utils: KafkaUtils, topic: str) -> None:
    """They do not wait until the first record is drawn."""
    with pytest.raises(UnknownTopicError):
        utils.iter_records(topic)
    utils.create_topics([topic])
    with pytest.raises(OffsetRangeError):
        utils.iter_records(topic, {0: 1})


def test_a_record_that_does_not_decode_is_met_in_its_place(
    utils: KafkaUtils, topic: str
) -> None:
    """The error names it."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("a", "1"), ("b", b"\xff")])
    with (
        utils.iter_records(topic) as stream,
        pytest.raises(DeserializationError) as caught,
    ):
        list(stream)
    assert str(caught.value) == (
        f"The value of topic {topic!r}, partition 0, offset 1 does not decode as "
        "STRING: 'utf-8' codec can't decode byte 0xff in position 0: invalid start "
        "byte. It is b'\\xff'. Give another value_deserializer."
    )


def test_all_records_come_and_then_the_coverage(utils: KafkaUtils, filled: str) -> None:
    """A stream that was drawn to its end has what `read_records` has."""
    with utils.iter_records(filled) as stream:
        assert stream.coverage == {}
        assert [record.offset for record in stream] == list(range(MANY))
    assert stream.coverage == {0: Coverage(0, MANY, MANY, MANY - 1, 0)}
    assert stream.new_partitions == ()
    assert list(stream) == []
    stream.close()


def test_a_closed_stream_gives_no_short_list(utils: KafkaUtils, filled: str) -> None:
    """What is drawn after `close()` is an error, not an end."""
    with utils.iter_records(filled) as stream:
        next(stream)
    for _ in range(2):
        with pytest.raises(ReadError) as caught:
            list(stream)
        assert str(caught.value) == (
            f"The stream of topic {filled!r} was closed before its end."
        )


def test_a_stream_that_failed_gives_no_short_list(
    utils: KafkaUtils, topic: str
) -> None:
    """Whoever goes on after an error is told."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("a", b"1"), ("b", b"\xff"), ("c", b"3")])
    with utils.iter_records(topic, key_deserializer="STRING") as stream:
        with pytest.raises(DeserializationError):
            list(stream)
        with pytest.raises(ReadError) as caught:
            next(stream)
    assert str(caught.value) == (
        f"The stream of topic {topic!r} ended with an error before. Read it again."
    )


def test_two_streams_and_a_send_do_not_disturb_each_other(
    utils: KafkaUtils, filled: str
) -> None:
    """The streams are drawn in turn, and their records are sent on meanwhile."""
    answers = f"{filled}-answers"
    utils.create_topics([answers])
    with utils.iter_records(filled) as first, utils.iter_records(filled) as second:
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            assert one == other
            if number % 10_000 == 0:
                utils.send_messages(answers, [(one.key, str(one.offset))])
    assert utils.get_all_records(None, answers) == {
        str(n): str(n) for n in range(0, MANY, 10_000)
    }


def test_a_stream_can_be_sent_on(utils: KafkaUtils, filled: str) -> None:
    """Records are drawn from one topic while they are sent to another."""
    copy = f"{filled}-copy"
    utils.create_topics([copy])
    with utils.iter_records(filled) as stream:
        written = utils.send_messages(copy, stream)
    assert written[0].count == MANY
    kept = [(r.key, r.value, r.timestamp) for r in utils.iter_records(filled)]
    assert [(r.key, r.value, r.timestamp) for r in utils.iter_records(copy)] == kept


def test_a_generator_may_send_while_it_is_sent(utils: KafkaUtils, topic: str) -> None:
    """A send within a send does not wait for it."""
    other = f"{topic}-other"
    utils.create_topics([topic, other])

    def messages() -> Iterator[tuple[str, str]]:
        for transactional in (False, True):
            utils.send_messages(other, [("k", "v")], transactional=transactional)
            yield "k", "v"

    utils.send_messages(topic, messages())
    utils.send_messages(topic, messages(), transactional=True)
    assert len(utils.read_records(topic)) == len(utils.read_records(other)) == 4


@needs_jvm
def test_a_stream_that_is_closed_early_leaves_nothing_behind(
    utils: KafkaUtils, filled: str, spark: SparkSession
) -> None:
    """No thread and no socket is left, in Python or the JVM, neither of a read in full
    flight nor of one that waits for a transaction.
    """
    with utils.iter_records(filled) as stream:  # opens what is kept for all reads
        next(stream)
    assert_eventually(lambda: helper_threads(spark, filled) == [])
    sockets, threads = open_sockets(), threading.active_count()
    for _ in range(5):
        with utils.iter_records(filled) as stream:
            next(stream)
    with open_transaction(utils) as producer:
        hold(producer, filled)
        stream = utils.iter_records(filled, {0: MANY - 1})
        next(stream)
        stream.close()
        assert_eventually(lambda: helper_threads(spark, filled) == [])
    assert_eventually(lambda: open_sockets() <= sockets)
    assert_eventually(lambda: threading.active_count() <= threads)


def helper_threads(spark: SparkSession, topic: str) -> list[str]:
    jvm = spark._jvm
    assert jvm is not None
    names = [thread.getName() for thread in jvm.Thread.getAllStackTraces().keySet()]
    return [name for name in names if name == f"spark-kafka-testkit-read-{topic}"]


def open_sockets() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += str(descriptor.readlink()).startswith("socket:")
        except OSError:
            pass  # it is closed by now
    return count


def assert_eventually(holds: Callable[[], bool]) -> None:
    """Within a time that is shorter than any time-out of a read."""
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
