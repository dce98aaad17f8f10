"""A read ends correctly, and exactly, where offsets have no record."""

from __future__ import annotations

import threading
import time

import pytest
from kafka import TopicPartition

from spark_kafka_testkit import KafkaUtils, Records
from spark_kafka_testkit._model.offsets import Coverage, Isolation
from spark_kafka_testkit.errors import (
    PartitionState,
    ReadTimeoutError,
    TopicChangedError,
)
from tests.contract.topics import (
    create,
    needs_kafka_python_3,
    open_transaction,
    transaction,
)
from tests.processes import HANG_SECONDS


def test_a_commit_marker_at_the_end_is_no_record_and_no_obstacle(
    utils: KafkaUtils, topic: str
) -> None:
    """A committed transaction leaves a marker after its records; the read ends behind
    it.
    """
    utils.create_topics([topic])
    with transaction(utils) as producer:
        producer.send(topic, b"v", key=b"k")
    assert utils.get_all_records(None, topic) == {"k": "v"}
    assert read(utils, topic).coverage == {
        0: Coverage(beginning=0, target=2, count=1, last=0, invisible=1)
    }


def test_an_aborted_transaction_is_not_seen(utils: KafkaUtils, topic: str) -> None:
    """Its records, and its marker, are offsets without a record."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("before", "1")])
    abort(utils, topic, 5)
    utils.send_messages(topic, [("after", "2")])
    assert utils.get_all_records(None, topic) == {"before": "1", "after": "2"}
    assert read(utils, topic).coverage == {
        0: Coverage(beginning=0, target=8, count=2, last=7, invisible=6)
    }


def test_a_topic_of_nothing_but_an_aborted_transaction_is_empty(
    utils: KafkaUtils, topic: str
) -> None:
    """The read ends though it never sees a record."""
    utils.create_topics([topic])
    abort(utils, topic, 3)
    assert utils.get_all_records(None, topic) == {}
    assert read(utils, topic).coverage[0].invisible == 4


def test_read_uncommitted_sees_what_was_aborted(utils: KafkaUtils, topic: str) -> None:
    """Under read_uncommitted only the marker has no record."""
    utils.create_topics([topic])
    abort(utils, topic, 3)
    records = read(utils, topic, "read_uncommitted")
    assert records.coverage == {
        0: Coverage(beginning=0, target=4, count=3, last=2, invisible=1)
    }


def test_an_open_transaction_is_waited_out(utils: KafkaUtils, topic: str) -> None:
    """What is committed while the read waits is read: the end is the high watermark."""
    utils.create_topics([topic])
    with open_transaction(utils) as producer:
        producer.send(topic, b"late", key=b"open").get(10)
        utils.send_messages(topic, [("above", "the open one")])
        commit = threading.Timer(1.0, producer.commit_transaction)
        commit.start()
        latest = utils.get_all_records(None, topic)
        commit.join()
    assert latest == {"open": "late", "above": "the open one"}


def test_an_open_transaction_is_named_at_the_deadline(
    utils: KafkaUtils, topic: str
) -> None:
    """A read that can't get on raises, and says per partition how far it came and
    why.
    """
    needs_kafka_python_3(utils, "who holds a transaction open")
    utils.create_topics([topic], num_partitions=2)
    with transaction(utils) as producer:
        producer.send(topic, b"v", key=b"k", partition=1).get(10)
        with pytest.raises(ReadTimeoutError) as caught:
            read(utils, topic, timeout=1.5)
    (producer_id,) = caught.value.partitions[0].producers
    assert caught.value.partitions == (
        PartitionState(1, position=0, target=1, stable=0, producers=(producer_id,)),
    )
    assert str(caught.value) == (
        f"Reading topic {topic!r} made no progress for 1.5 s. Not read to their end:\n"
        "  partition 1: at offset 0 of 1, held by a transaction open since offset 0 by "
        f"producer {producer_id}\n"
        "Commit or abort an open transaction. If there is none, look at the broker's "
        "log."
    )


def test_gaps_of_compaction_are_read_over(utils: KafkaUtils, topic: str) -> None:
    """On a compacted topic each key's last value is there, and offsets are missing."""
    create_compacted(utils, topic)
    for turn in range(3):
        utils.send_messages(topic, [(f"k{n}", f"{turn}-{n}") for n in range(100)])
        time.sleep(0.15)  # past segment.ms, so that the next batch rolls the segment
    utils.send_messages(topic, [("last", "x")])
    deadline = time.monotonic() + 60
    while (records := read(utils, topic)).coverage[0].invisible == 0:
        assert time.monotonic() < deadline, "the broker did not compact the topic"
        time.sleep(0.2)
    assert records.coverage[0].target == 301
    assert utils.get_all_records(None, topic) == {
        **{f"k{n}": f"2-{n}" for n in range(100)},
        "last": "x",
    }


def test_deleted_records_move_the_beginning(utils: KafkaUtils, topic: str) -> None:
    """After DeleteRecords the range begins where the broker says."""
    utils.create_topics([topic])
    utils.send_messages(topic, [(str(n), "x") for n in range(10)])
    utils.admin_client.delete_records({TopicPartition(topic, 0): 7})
    assert read(utils, topic).coverage == {
        0: Coverage(beginning=7, target=10, count=3, last=9, invisible=0)
    }
    assert sorted(utils.get_all_records(None, topic)) == ["7", "8", "9"]


def test_a_topic_whose_records_were_all_deleted_is_empty(
    utils: KafkaUtils, topic: str
) -> None:
    """Beginning and end meet: there is nothing to read, and no error."""
    utils.create_topics([topic])
    utils.send_messages(topic, [(str(n), "x") for n in range(10)])
    utils.admin_client.delete_records({TopicPartition(topic, 0): 10})
    assert utils.get_all_records(None, topic) == {}


def test_a_topic_deleted_under_the_read_is_an_error(
    utils: KafkaUtils, topic: str
) -> None:
    """The read does not wait for its deadline."""
    utils.create_topics([topic])
    with transaction(utils) as producer:
        producer.send(topic, b"v", key=b"k").get(HANG_SECONDS)
        with utils.iter_records(topic, timeout=HANG_SECONDS) as stream:
            utils.delete_topics([topic])  # the stream has captured its offsets
            with pytest.raises(TopicChangedError) as caught:
                list(stream)
    assert str(caught.value) == (
        f"Topic {topic!r} was deleted while it was read. "
        "Stop what writes to it before you delete or recreate it."
    )


def test_a_read_ends_at_the_offsets_it_captured(utils: KafkaUtils, topic: str) -> None:
    """Beside a producer that never stops, each read returns exactly its range."""
    utils.create_topics([topic], num_partitions=2)
    stop = threading.Event()
    thread = threading.Thread(target=produce_until, args=(utils, topic, stop))
    thread.start()
    try:
        for _ in range(10):
            records = read(utils, topic)
            offsets: dict[int | None, list[int | None]] = {0: [], 1: []}
            for record in records:
                offsets[record.partition].append(record.offset)
            for partition, coverage in records.coverage.items():
                assert offsets[partition] == list(
                    range(coverage.beginning, coverage.target)
                )
    finally:
        stop.set()
        thread.join()


def produce_until(utils: KafkaUtils, topic: str, stop: threading.Event) -> None:
    producer = utils.producer
    number = 0
    while not stop.is_set():
        producer.send(topic, key=number, value=number)
        number += 1
        if number % 500 == 0:
            producer.flush()
    producer.flush()


def read(
    utils: KafkaUtils,
    topic: str,
    isolation: Isolation = "read_committed",
    timeout: float = 30,
) -> Records:
    return utils.read_records(topic, isolation=isolation, timeout=timeout)


def abort(utils: KafkaUtils, topic: str, count: int) -> None:
    """Writes records in a transaction, aborts it, and waits until its marker is
    there: what is sent next comes after it.
    """
    with open_transaction(utils) as producer:
        for number in range(count):
            producer.send(topic, b"aborted", key=f"aborted-{number}".encode())
        producer.flush()
        producer.abort_transaction()
    deadline = time.monotonic() + 30
    while any(at.stable < at.end for at in utils.offsets(topic).values()):
        assert time.monotonic() < deadline, "the transaction was not ended"
        time.sleep(0.01)


def create_compacted(utils: KafkaUtils, topic: str) -> None:
    create(
        utils,
        topic,
        cleanup_policy="compact",
        segment_ms=100,
        min_cleanable_dirty_ratio=0.01,
        max_compaction_lag_ms=100,
    )
