"""What goes in comes out: bytes, nulls, partitions, and the account of it."""

from __future__ import annotations

import uuid

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._model.offsets import Coverage
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit.errors import SendError, UnknownTopicError
from spark_kafka_testkit.kafka_utils import cluster_of


def test_text_of_every_plane_comes_back_as_it_was(
    utils: KafkaUtils, topic: str
) -> None:
    """Keys and values in any script, emoji and control characters included, survive."""
    messages = {
        "ключ": "значение",
        "鍵": "値",
        "🔑": "🎉",
        "\x00\n\t": "\r\x7f",
        "é": "é",
    }
    utils.create_topics([topic])
    utils.send_messages(topic, list(messages.items()))
    assert utils.get_all_records(None, topic) == messages


def test_null_and_empty_are_told_apart(utils: KafkaUtils, topic: str) -> None:
    """A null key or value is None, an empty one is an empty string."""
    utils.create_topics([topic])
    utils.send_messages(
        topic, [("tombstone", None), ("empty", ""), (None, "no key"), ("", "k")]
    )
    assert utils.get_all_records(None, topic) == {
        "tombstone": None,
        "empty": "",
        None: "no key",
        "": "k",
    }


def test_every_byte_value_survives(utils: KafkaUtils, topic: str) -> None:
    """Bytes are sent and read as they are."""
    data = bytes(range(256))
    utils.create_topics([topic])
    utils.send_messages(topic, [(data, data[::-1])])
    assert utils.get_all_records(None, topic, "BINARY", "BINARY") == {data: data[::-1]}


def test_other_types_are_sent_as_their_text(utils: KafkaUtils, topic: str) -> None:
    """Anything that is not None, bytes or str is sent as str(x) in UTF-8, but a value
    with parts as JSON.
    """
    utils.create_topics([topic])
    utils.send_messages(topic, [(1, 2.5), ("mixed", True), (b"bytes", [1, None])])
    assert utils.get_all_records(None, topic) == {
        "1": "2.5",
        "mixed": "True",
        "bytes": "[1,null]",
    }


def test_values_of_a_megabyte_survive(utils: KafkaUtils, topic: str) -> None:
    """Several values of 1,000,000 bytes each, all different, come back whole."""
    values = {f"k{n}": chr(97 + n) * 1_000_000 for n in range(5)}
    utils.create_topics([topic])
    utils.send_messages(topic, list(values.items()))
    assert utils.get_all_records(None, topic) == values


def test_the_latest_value_of_a_key_wins(utils: KafkaUtils, topic: str) -> None:
    """Of several values of a key the one with the highest offset is returned."""
    utils.create_topics([topic], num_partitions=3)
    utils.send_messages(topic, [(f"k{n % 7}", str(n)) for n in range(700)])
    assert utils.get_all_records(None, topic) == {
        f"k{n % 7}": str(n) for n in range(693, 700)
    }


def test_many_records_over_three_partitions_are_all_there(
    utils: KafkaUtils, topic: str
) -> None:
    """They are more than one batch, spread by key over three partitions."""
    messages = [(f"key-{n}", f"value-{n}") for n in range(20_000)]
    utils.create_topics([topic], num_partitions=3)
    utils.send_messages(topic, messages)
    assert utils.get_all_records(None, topic) == dict(messages)
    coverage = utils.read_records(topic).coverage
    assert sorted(coverage) == [0, 1, 2]
    assert all(part.count == part.target > 0 for part in coverage.values())
    assert sum(part.count for part in coverage.values()) == 20_000


def test_a_generator_may_be_sent(utils: KafkaUtils, topic: str) -> None:
    """Messages are drawn from any iterable."""
    utils.create_topics([topic])
    utils.send_messages(topic, ((str(n), str(n)) for n in range(100)))
    assert len(utils.get_all_records(None, topic)) == 100


def test_no_messages_are_no_error(utils: KafkaUtils, topic: str) -> None:
    """An empty list sends nothing."""
    utils.create_topics([topic])
    utils.send_messages(topic, [])
    assert utils.get_all_records(None, topic) == {}


def test_the_report_tells_what_was_written_where(utils: KafkaUtils, topic: str) -> None:
    """A client's report has count, first and last offset of each partition."""
    utils.create_topics([topic])
    client = cluster_of(utils).client()
    first = client.send(topic, batches([("a", "1"), ("b", "2"), ("c", "3")]))
    second = client.send(topic, batches([("d", "4")]))
    assert (first.sent, first.acked, first.failed, first.unknown) == (3, 3, 0, 0)
    assert first.written == {0: Written(count=3, first=0, last=2)}
    assert second.written == {0: Written(count=1, first=3, last=3)}


def test_a_record_too_large_for_the_topic_is_named_by_index(
    utils: KafkaUtils, topic: str
) -> None:
    """A refused record raises, with its index and the client's reason; the others are
    written.
    """
    utils.create_topics([topic])
    messages = [("a", "1"), ("big", "x" * 3_000_000), ("c", "3")]
    with pytest.raises(SendError) as caught:
        utils.send_messages(topic, messages)
    error = caught.value
    assert (error.sent, error.acked, error.failed, error.unknown) == (3, 2, 1, 0)
    assert [(failure.index, failure.outcome) for failure in error.failures] == [
        (1, "failed")
    ]
    assert str(error).startswith(
        f"1 of 3 messages to topic {topic!r} were not acknowledged "
        "(2 acked, 1 failed, 0 unknown):\n  message 1 failed: "
    )
    assert utils.get_all_records(None, topic) == {"a": "1", "c": "3"}


def test_after_a_refused_record_the_next_send_works(
    utils: KafkaUtils, topic: str
) -> None:
    """A failed send leaves nothing behind that would harm the next one."""
    utils.create_topics([topic])
    with pytest.raises(SendError):
        utils.send_messages(topic, [("big", "x" * 3_000_000)])
    utils.send_messages(topic, [("a", "1")])
    assert utils.get_all_records(None, topic) == {"a": "1"}


def test_a_topic_that_does_not_exist_is_an_error_and_is_not_created(
    utils: KafkaUtils,
) -> None:
    """Reading a misspelled topic says so and leaves the broker as it was."""
    topic = uuid.uuid4().hex  # unlike those of other tests, which the text may name
    with pytest.raises(UnknownTopicError) as caught:
        utils.get_all_records(None, topic)
    assert str(caught.value) == (
        f"Topic {topic!r} does not exist, and the broker did not create it. "
        f"Check the name, or call create_topics([{topic!r}]) first."
    )
    assert topic not in utils.admin_client.list_topics()


def test_sending_where_the_broker_creates_no_topic_is_an_error(
    utils: KafkaUtils, topic: str
) -> None:
    """On an external broker that is the broker's to decide, and this one does not
    create it.
    """
    with pytest.raises(UnknownTopicError) as caught:
        utils.send_messages(topic, [("k", "v")])
    assert caught.value.topic == topic
    assert topic not in utils.admin_client.list_topics()


def test_an_empty_topic_reads_as_nothing(utils: KafkaUtils, topic: str) -> None:
    """Partitions that were never written end at once."""
    utils.create_topics([topic], num_partitions=3)
    assert utils.get_all_records(None, topic) == {}
    assert utils.read_records(topic).coverage == {
        partition: Coverage(beginning=0, target=0, count=0, last=None, invisible=0)
        for partition in range(3)
    }


def test_named_deserializers_read_kafkas_binary_forms(
    utils: KafkaUtils, topic: str
) -> None:
    """LONG keys and JSON values come as Kafka's own serializers write them."""
    utils.create_topics([topic])
    utils.send_messages(topic, [((7).to_bytes(8, "big"), '{"a": [1, null]}')])
    assert utils.get_all_records(None, topic, "LONG", "JSON") == {7: {"a": [1, None]}}
