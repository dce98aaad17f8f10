"""A wait for records ends with the records, as soon as they are committed."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import ANY

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import UnknownTopicError, WaitError
from tests.contract.topics import transaction

FIVE = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)]


def values(records: list[Record]) -> list[str]:
    return [record.value for record in records]


def test_a_wait_returns_records_that_are_there(utils: KafkaUtils, topic: str) -> None:
    """It returns the first that are wanted, and no more than that."""
    utils.create_topics([topic])
    utils.send_messages(topic, FIVE)
    (first,) = utils.wait_for_records(topic)
    assert first[:5] == ("a", "1", topic, 0, 0)
    assert values(utils.wait_for_records(topic, 3)) == ["1", "2", "3"]
    assert values(utils.wait_for_records(topic, count=5)) == list("12345")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"key": "b"}, ["2"]),
        ({"key": "b", "count": 2}, ["2", "5"]),
        ({"value": "4"}, ["4"]),
        ({"predicate": lambda record: int(record.value) > 2, "count": 3}, list("345")),
        ({"key": "b", "predicate": lambda record: record.offset > 2}, ["5"]),
        ({"key": ANY, "value": bytearray(b"3"), "value_deserializer": "BYTES"}, [b"3"]),
    ],
    ids=["key", "keys", "value", "predicate", "both", "matcher"],
)
def test_a_wait_counts_only_records_that_are_wanted(
    utils: KafkaUtils, topic: str, wanted: dict[str, Any], expected: list[str]
) -> None:
    """They are wanted by key, value, a function, and all of them together."""
    utils.create_topics([topic])
    utils.send_messages(topic, FIVE)
    assert values(utils.wait_for_records(topic, **wanted)) == expected


def test_a_wait_looks_for_headers_among_others(utils: KafkaUtils, topic: str) -> None:
    """A record may have more of them."""
    utils.create_topics([topic])
    one = Record("k", "1", headers=(("a", b"1"),))
    two = Record("k", "2", headers=(("a", b"1"), ("b", b"")))
    utils.send_messages(topic, [one, two])
    assert values(utils.wait_for_records(topic, headers={"a": b"1"})) == ["1"]
    assert values(utils.wait_for_records(topic, headers={"b": b""})) == ["2"]
    assert values(utils.wait_for_records(topic, headers={"b": ANY})) == ["2"]


def test_a_wait_compares_values_as_all_of_the_kit_does(
    utils: KafkaUtils, topic: str
) -> None:
    """NaN is NaN, and an array of JSON may be given as a tuple."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", '[1, {"v": NaN}]')])
    (record,) = utils.wait_for_records(
        topic, value=(1, {"v": float("nan")}), value_deserializer="JSON", timeout=20
    )
    assert record.key == "k"


def test_a_wait_obeys_deserializers(utils: KafkaUtils, topic: str) -> None:
    """What is wanted is compared with what they give."""
    utils.create_topics([topic])
    utils.send_messages(topic, [(b"k", '{"n": 1}'), (b"k", '{"n": 2}')])
    (record,) = utils.wait_for_records(
        topic,
        key=b"k",
        value={"n": 2},
        key_deserializer="BINARY",
        value_deserializer="JSON",
    )
    assert record.offset == 1


def test_a_wait_counts_only_what_came_since_the_mark(
    utils: KafkaUtils, topic: str
) -> None:
    """What was there before is not looked at."""
    utils.create_topics([topic], num_partitions=2)
    utils.send_messages(topic, FIVE)
    mark = utils.mark(topic)
    with pytest.raises(WaitError):
        utils.wait_for_records(topic, since=mark, timeout=0)
    utils.send_messages(topic, [("a", 6)])
    assert values(utils.wait_for_records(topic, since=mark)) == ["6"]


def test_a_wait_is_woken_by_what_comes(utils: KafkaUtils, topic: str) -> None:
    """It has what was sent meanwhile, in several sends."""
    utils.create_topics([topic])
    records: list[Record] = []
    waiting = threading.Thread(
        target=lambda: records.extend(utils.wait_for_records(topic, 5))
    )
    waiting.start()
    for message in FIVE:
        utils.send_messages(topic, [message])
    waiting.join(60)
    assert values(records) == list("12345")


def test_a_wait_without_time_looks_once(utils: KafkaUtils, topic: str) -> None:
    """timeout=0 is a plain assertion, and an exact one."""
    utils.create_topics([topic])
    utils.send_messages(topic, FIVE)
    for _ in range(5):
        assert len(utils.wait_for_records(topic, 5, timeout=0)) == 5


def test_a_wait_that_times_out_says_what_there_is(
    utils: KafkaUtils, topic: str
) -> None:
    """The text has what was wanted, what was found, and where the topic ends."""
    utils.create_topics([topic], num_partitions=2)
    mark = utils.mark(topic)
    utils.producer.send(topic, key="a", value="1", partition=0).get(10)
    utils.producer.send(topic, key="b", value="2", partition=1).get(10)
    (last,) = utils.wait_for_records(topic, key="b")
    with pytest.raises(WaitError) as caught:
        utils.wait_for_records(topic, 2, key="b", since=mark, timeout=0.2)
    assert str(caught.value) == (
        f"Found 1 of 2 records with key='b' in topic {topic!r} after 0.2 s\n"
        f"  looked at 2 records, the last: {repr(last)[:117]}...\n"
        f"  topic {topic!r} ends at 1 (partition 0), 1 (partition 1)"
    )


def test_an_open_transaction_is_named(utils: KafkaUtils, topic: str) -> None:
    """Its records are not committed; the message says where it is open."""
    utils.create_topics([topic])
    with transaction(utils) as producer:
        producer.send(topic, b"v").get(10)
        with pytest.raises(WaitError) as caught:
            utils.wait_for_records(topic, timeout=0.2)
    assert str(caught.value) == (
        f"Found 0 of 1 record in topic {topic!r} after 0.2 s\n"
        "  looked at 0 records\n"
        f"  topic {topic!r} ends at 1 (partition 0)\n"
        "  partition 0: a transaction is open since offset 0"
    )
    assert values(utils.wait_for_records(topic)) == ["v"]


def test_wrong_arguments_of_a_wait_are_refused(utils: KafkaUtils, topic: str) -> None:
    """They are refused before anything is waited for."""
    with pytest.raises(UnknownTopicError):
        utils.wait_for_records(topic)
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"count": 0}, ValueError, "count must be at least 1, got 0"),
        ({"count": "1"}, TypeError, "count must be an int, not str"),
        (
            {"predicate": 1},
            TypeError,
            "predicate must be a function that takes a Record, not int",
        ),
        (
            {"headers": [1]},
            TypeError,
            "headers must be a dict from name to value, not list",
        ),
        ({"timeout": -1}, ValueError, "timeout must not be negative, got -1"),
        (
            {"query": 1},
            TypeError,
            "query must be a StreamingQuery, not int. Is .start() missing?",
        ),
    ]
    for arguments, error_type, text in cases:
        with pytest.raises(error_type) as caught:
            utils.wait_for_records(topic, **arguments)
        assert str(caught.value) == text
