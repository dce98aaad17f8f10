"""Sends that break off, and sends in one transaction: all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import SendError, SerializationError
from tests.contract.topics import create

MANY = 20_000


class SourceError(Exception):
    """What a test's own generator raises."""


def failing(count: int) -> Iterator[tuple[str, str]]:
    """So many messages, and then an error."""
    for number in range(count):
        yield str(number), "v"
    raise SourceError(f"after {count}")


@pytest.mark.parametrize("count", [0, 10, MANY])
@pytest.mark.parametrize("transactional", [False, True], ids=["plain", "transaction"])
def test_the_error_of_a_generator_comes_through(
    utils: KafkaUtils, topic: str, count: int, transactional: bool
) -> None:
    """Its own error comes through. Whole batches before it are written, as a note says,
    in a transaction nothing; either way the next send works.
    """
    utils.create_topics([topic])
    with pytest.raises(SourceError) as caught:
        utils.send_messages(topic, failing(count), transactional=transactional)
    assert str(caught.value) == f"after {count}"
    whole = count - count % 16_384
    assert len(utils.read_records(topic)) == (0 if transactional else whole)
    told = (
        "The transaction was aborted: none of them will be seen."
        if transactional
        else f"{whole:,} messages were sent before that, and are in the topic."
    )
    notes = [f"Topic {topic!r}: {told}"] if whole else []
    assert getattr(caught.value, "__notes__", []) == notes
    utils.send_messages(topic, [("next", "v")], transactional=transactional)
    assert utils.read_records(topic)[-1].key == "next"
    assert utils.offsets(topic)[0].stable == utils.offsets(topic)[0].end


def test_a_message_of_a_generator_that_can_not_be_serialized_is_named(
    utils: KafkaUtils, topic: str
) -> None:
    """Its place is in the error, and in a transaction nothing is written."""
    utils.create_topics([topic])
    with pytest.raises(SerializationError) as caught:
        utils.send_messages(
            topic,
            (("k", n if n < 20_000 else "x") for n in range(30_000)),
            value_serializer="LONG",
            transactional=True,
        )
    assert str(caught.value) == (
        "The value of message 20000 can't be serialized as LONG: expected an int that "
        "fits 8 bytes. It is 'x'."
    )
    assert utils.read_records(topic) == []


def test_all_of_a_transaction_is_visible_on_return(
    utils: KafkaUtils, topic: str
) -> None:
    """It is so fifty times in a row: no other reader has to wait for the markers."""
    utils.create_topics([topic], 2)
    for turn in range(50):
        written = utils.send_messages(
            topic,
            [Record(turn, n, partition=n) for n in range(2)],
            transactional=True,
        )
        assert [(part.count, part.last) for part in written.values()] == [
            (1, 2 * turn)
        ] * 2
        assert all(at.stable == at.end for at in utils.offsets(topic).values())
    assert len(utils.read_records(topic, upto="stable")) == 100


def test_a_large_transaction_is_written_once(utils: KafkaUtils, topic: str) -> None:
    """Each of its partitions has one marker."""
    utils.create_topics([topic], 3)
    messages = ((str(n), str(n)) for n in range(MANY))
    written = utils.send_messages(topic, messages, transactional=True)
    assert sum(part.count for part in written.values()) == MANY
    records = utils.read_records(topic)
    assert sorted(int(record.key) for record in records) == list(range(MANY))
    assert [part.invisible for part in records.coverage.values()] == [1, 1, 1]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_refused_record_aborts_its_transaction(
    utils: KafkaUtils, topic: str, position: int
) -> None:
    """It may stand anywhere. The text says so, and committed reads see nothing."""
    create(utils, topic)
    utils.send_messages(topic, [("before", "1")])
    messages: list[Any] = [("a", "1"), ("b", "2")]
    messages.insert(position, ("big", "x" * 3_000_000))
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, messages, transactional=True)
    error = caught.value
    assert error.aborted
    assert error.failed == 1
    assert error.acked + error.failed + error.unknown == error.sent
    assert [failure.index for failure in error.failures] == [position]
    first, reason, last = str(error).split("\n")
    assert first == (
        f"1 of {error.sent} messages to topic {topic!r} were not acknowledged "
        f"({error.acked} acked, 1 failed, 0 unknown):"
    )
    assert reason.startswith(f"  message {position} failed: ")
    assert last == "The transaction was aborted: none of them will be seen."
    assert [record.key for record in utils.read_records(topic)] == ["before"]
    utils.send_messages(topic, [("after", "1")], transactional=True)
    assert [record.key for record in utils.read_records(topic)] == ["before", "after"]


def test_a_partition_that_is_not_there_aborts_its_transaction(
    utils: KafkaUtils, topic: str
) -> None:
    """What was sent before is taken back."""
    utils.create_topics([topic], 2)
    messages = [Record("b", "2", partition=5), ("a", "1")]
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, messages, transactional=True)
    assert str(caught.value) == (
        f"1 of 1 messages to topic {topic!r} were not acknowledged (0 acked, 1 failed, "
        "0 unknown):\n"
        "  message 0 failed: UnknownPartition: partition 5 does not exist (the topic "
        "has 2)\n"
        "The transaction was aborted: none of them will be seen."
    )
    assert utils.read_records(topic) == []


def test_an_empty_transaction_is_none(utils: KafkaUtils, topic: str) -> None:
    """It leaves no marker."""
    utils.create_topics([topic])
    assert utils.send_messages(topic, iter([]), transactional=True) == {}
    assert utils.offsets(topic)[0].end == 0


def test_a_transaction_is_visible_at_once(
    utils: KafkaUtils, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The send returns when the markers are written, and has nothing to warn of."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", "v")], transactional=True)
    at = utils.offsets(topic)[0]
    assert (at.end, at.stable) == (2, 2)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
