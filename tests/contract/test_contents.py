"""Records come back as they were sent: keys, values, headers, timestamps."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit.errors import SendError
from tests.contract.topics import add_partitions, create, send_by_java
from tests.sessions import needs_jvm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TIME = 1_700_000_000_123


def test_a_record_comes_back_as_it_was_sent(utils: KafkaUtils, topic: str) -> None:
    """Partition, timestamp and headers are obeyed, and their order kept."""
    headers = (("b", b"\x00\xff"), ("a", b""), ("b", b"again"), ("é", "ö".encode()))
    utils.create_topics([topic], 2)
    written = utils.send_messages(
        topic,
        [Record("k", "v", partition=1, timestamp=TIME, headers=headers), ("l", "w")],
    )
    first = next(r for r in utils.read_records(topic) if r.key == "k")
    assert first == Record("k", "v", topic, 1, 0, TIME, "CreateTime", headers)
    assert first.datetime == datetime(2023, 11, 14, 22, 13, 20, 123000, timezone.utc)
    assert sum(part.count for part in written.values()) == 2


def test_null_and_empty_are_told_apart_in_every_place(
    utils: KafkaUtils, topic: str
) -> None:
    """Keys and values may be either, in any combination."""
    items = (None, b"", b"x")
    utils.create_topics([topic])
    utils.send_messages(topic, [(key, value) for key in items for value in items])
    records = utils.read_records(
        topic, key_deserializer="BINARY", value_deserializer="BINARY"
    )
    assert [(r.key, r.value) for r in records] == [
        (key, value) for key in items for value in items
    ]
    assert {r.headers for r in records} == {()}


def test_a_null_header_is_sent_by_the_helper_alone(
    utils: KafkaUtils, topic: str
) -> None:
    """kafka-python refuses to send one, which is reported; both read it."""
    utils.create_topics([topic])
    message = Record("k", "v", headers=(("h", None),))
    if utils.client == "jvm":
        utils.send_messages(topic, [message])
        (record,) = utils.read_records(topic)
        assert record.headers == (("h", None),)
        return
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, [("a", "1"), message])
    assert str(caught.value) == (
        f"1 of 2 messages to topic {topic!r} were not acknowledged (1 acked, 1 failed, "
        "0 unknown):\n"
        "  message 1 failed: NullHeader: kafka-python can't send a null header value, "
        "the JVM helper can"
    )


@needs_jvm
def test_a_null_header_is_read_by_both_clients(
    utils: KafkaUtils, topic: str, spark: SparkSession
) -> None:
    """It does not matter who sent it."""
    utils.create_topics([topic])
    headers = (("h", None), ("h", b""))
    send_by_java(spark, utils, topic, [Record("k", "v", headers=headers)])
    assert utils.read_records(topic)[0].headers == headers


def test_what_was_read_can_be_sent_on(utils: KafkaUtils, topic: str) -> None:
    """It goes to the same partitions, with the same timestamps and headers; offset and
    topic are the broker's to give.
    """
    copy = f"{topic}-copy"
    utils.create_topics([topic, copy], 3)
    utils.send_messages(
        topic,
        [
            Record(n, None if n % 5 else n, None, n % 3, None, TIME + n, None, hs)
            for n in range(30)
            for hs in [(("n", b"%d" % n),) * (n % 3)]
        ],
    )
    records = utils.read_records(topic, {0: 2, 1: 1})
    utils.send_messages(copy, records)
    for sent, again in zip(records, utils.read_records(copy), strict=True):
        assert again == sent._replace(topic=copy, offset=again.offset)
    assert [
        part.count for part in utils.send_messages(copy, iter(records)).values()
    ] == [
        8,
        9,
        10,
    ]


@pytest.mark.parametrize(
    "time",
    [TIME, datetime(2023, 11, 14, 22, 13, 20, 123999, timezone.utc)],
    ids=["millis", "datetime"],
)
def test_any_object_with_key_and_value_is_a_record(
    utils: KafkaUtils, topic: str, time: Any
) -> None:
    """What it has of partition, timestamp and headers is obeyed; a dict of headers
    too. Microseconds are cut.
    """
    utils.create_topics([topic], 2)
    like = SimpleNamespace(key="k", value="v", timestamp=time, headers={"h": "x"})
    utils.send_messages(
        topic, [SimpleNamespace(key="a", value=None, partition=1), like]
    )
    records = {record.key: record for record in utils.read_records(topic)}
    assert records["a"].partition == 1
    assert (records["k"].timestamp, records["k"].headers) == (TIME, (("h", b"x"),))


def test_a_record_without_a_timestamp_has_the_time_of_the_send(
    utils: KafkaUtils, topic: str
) -> None:
    """The time is in milliseconds."""
    utils.create_topics([topic])
    before = time.time_ns() // 1_000_000
    utils.send_messages(topic, [("k", "v")])
    after = time.time_ns() // 1_000_000
    (record,) = utils.read_records(topic)
    assert record.timestamp is not None
    assert before <= record.timestamp <= after
    assert record.timestamp_type == "CreateTime"


def test_records_may_have_the_brokers_timestamps(utils: KafkaUtils, topic: str) -> None:
    """Such a topic overrides what was sent, and the records say so."""
    create(utils, topic, message_timestamp_type="LogAppendTime")
    before = time.time_ns() // 1_000_000
    utils.send_messages(topic, [Record("k", "v", timestamp=TIME), ("l", "w")])
    records = utils.read_records(topic)
    assert {record.timestamp_type for record in records} == {"LogAppendTime"}
    assert all(r.timestamp is not None and r.timestamp >= before for r in records)
    assert utils.read_records(topic, before) == records
    assert utils.read_records(topic, end=before) == []


def test_partitions_that_were_added_are_used(utils: KafkaUtils, topic: str) -> None:
    """They are used from the next send on, though producers hear of them only in
    minutes.
    """
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", "v")])
    utils.send_messages(topic, [("k", "v")], transactional=True)
    add_partitions(utils, topic, 2)
    for transactional in (False, True):
        written = utils.send_messages(
            topic,
            [Record(None, "v", partition=1), *((str(n), "v") for n in range(50))],
            transactional=transactional,
        )
        assert set(written) == {0, 1}


def test_a_message_for_a_partition_that_is_not_there_is_refused(
    utils: KafkaUtils, topic: str
) -> None:
    """The error names it, and the others are written."""
    utils.create_topics([topic], 2)
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, [("a", "1"), Record("b", "2", partition=2)])
    assert str(caught.value) == (
        f"1 of 2 messages to topic {topic!r} were not acknowledged (1 acked, 1 failed, "
        "0 unknown):\n"
        "  message 1 failed: UnknownPartition: partition 2 does not exist (the topic "
        "has 2)"
    )


def test_a_send_returns_what_was_written_where(utils: KafkaUtils, topic: str) -> None:
    """Each partition has its count, its first and its last offset."""
    utils.create_topics([topic], 3)
    messages = [Record(None, n, partition=2 * (n % 2)) for n in range(7)]
    assert utils.send_messages(topic, messages) == {
        0: Written(count=4, first=0, last=3),
        2: Written(count=3, first=0, last=2),
    }
    assert utils.send_messages(topic, messages[:1]) == {0: Written(1, 4, 4)}
    assert utils.send_messages(topic, messages[:2], transactional=True) == {
        0: Written(1, 5, 5),
        2: Written(1, 3, 3),
    }
    assert utils.send_messages(topic, []) == {}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("LONG", -(2**63), 2**63 - 1),
        ("DOUBLE", 0.1, float("-inf")),
        ("BOOLEAN", True, False),
        ("JSON", "é", {"a": [1, None, "🎉"]}),
        ("BYTES", b"\xff", b""),
    ],
)
def test_what_a_serializer_wrote_the_deserializer_of_its_name_reads(
    utils: KafkaUtils, topic: str, name: str, key: object, value: object
) -> None:
    """Keys and values come back, and null is null."""
    utils.create_topics([topic])
    utils.send_messages(
        topic,
        [(key, value), (None, None)],
        key_serializer=name,
        value_serializer=name.lower(),
    )
    records = utils.read_records(topic, key_deserializer=name, value_deserializer=name)
    assert [(r.key, r.value) for r in records] == [(key, value), (None, None)]
