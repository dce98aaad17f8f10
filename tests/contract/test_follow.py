"""A followed topic gives its records as they come, from where it was asked to."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from kafka import TopicPartition
from kafka.admin import NewPartitions

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import Isolation, ReadRequest
from spark_kafka_testkit.errors import (
    OffsetRangeError,
    RecordsDeletedError,
    TopicChangedError,
    UnknownTopicError,
)
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.contract.topics import open_transaction

Place = tuple[int, int]


class Followed:
    """What a follower has given so far."""

    def __init__(self, utils: KafkaUtils, request: ReadRequest) -> None:
        self._topic = request.topic
        self._batches = cluster_of(utils).client().follow(request)

    def places(self, count: int) -> list[Place]:
        """Partition and offset of the next so many records; heartbeats are skipped."""
        places: list[Place] = []
        while len(places) < count:
            batch = next(self._batches)
            records = Decoder(self._topic, "BINARY", "BINARY").records(batch)
            places += [(record.partition, record.offset) for record in records]  # type: ignore[misc]
        return places

    def quiet(self) -> None:
        """Draws heartbeats, each of which has no record."""
        for _ in range(3):
            batch = next(self._batches)
            assert batch.num_rows == 0
            assert batch.schema.names[:2] == ["partition", "offset"]

    def close(self) -> None:
        self._batches.close()


def follow(
    utils: KafkaUtils,
    topic: str,
    start: dict[int, int] | None = None,
    isolation: Isolation = "read_committed",
) -> closing[Followed]:
    request = ReadRequest(topic, start or "earliest", isolation=isolation)
    return closing(Followed(utils, request))


def test_followed_records_come_as_they_are_sent(utils: KafkaUtils, topic: str) -> None:
    """What there is comes first, then what is added; between, heartbeats come."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", 1), ("k", 2)])
    with follow(utils, topic) as followed:
        assert followed.places(2) == [(0, 0), (0, 1)]
        followed.quiet()
        for offset in range(2, 7):
            utils.send_messages(topic, [("k", offset)])
            assert followed.places(1) == [(0, offset)]
        followed.quiet()


def test_a_follower_starts_where_it_is_asked_to(utils: KafkaUtils, topic: str) -> None:
    """It starts at an offset for each partition, and at the beginning where none is
    given.
    """
    utils.create_topics([topic], num_partitions=2)
    for partition in (0, 1, 0, 1):
        utils.producer.send(topic, value="v", partition=partition).get(10)
    with follow(utils, topic, {0: 1}) as followed:
        assert sorted(followed.places(3)) == [(0, 1), (1, 0), (1, 1)]
        followed.quiet()
    with follow(utils, topic, {0: 2, 1: 2}) as followed:
        followed.quiet()


def test_a_partition_that_is_added_is_followed(utils: KafkaUtils, topic: str) -> None:
    """It is followed from its beginning."""
    utils.create_topics([topic])
    with follow(utils, topic) as followed:
        followed.quiet()
        utils.admin_client.create_partitions({topic: NewPartitions(2)})
        utils.assert_eventually(lambda: len(utils.producer.partitions_for(topic)), 2)
        utils.producer.send(topic, value="v", partition=1).get(10)
        assert followed.places(1) == [(1, 0)]


def test_a_followed_transaction_is_seen_when_it_is_committed(
    utils: KafkaUtils, topic: str
) -> None:
    """So is what comes after its marker; an aborted one is never seen."""
    utils.create_topics([topic])
    with follow(utils, topic) as followed, open_transaction(utils) as producer:
        producer.send(topic, b"v").get(10)
        followed.quiet()
        producer.commit_transaction()
        assert followed.places(1) == [(0, 0)]
        producer.begin_transaction()
        producer.send(topic, b"v").get(10)
        producer.abort_transaction()
        followed.quiet()
        utils.send_messages(topic, [("k", "v")])
        assert followed.places(1) == [(0, 4)]


def test_read_uncommitted_follows_an_open_transaction(
    utils: KafkaUtils, topic: str
) -> None:
    """Its records are seen at once."""
    utils.create_topics([topic])
    isolation: Isolation = "read_uncommitted"
    with (
        follow(utils, topic, isolation=isolation) as followed,
        open_transaction(utils) as producer,
    ):
        producer.send(topic, b"v").get(10)
        assert followed.places(1) == [(0, 0)]
        producer.abort_transaction()


def test_a_deleted_topic_ends_its_follower(utils: KafkaUtils, topic: str) -> None:
    """The error is that of a read."""
    utils.create_topics([topic])
    with follow(utils, topic) as followed:
        followed.quiet()
        utils.delete_topics([topic])
        with pytest.raises(TopicChangedError) as caught:
            followed.places(1)
    assert str(caught.value) == (
        f"Topic {topic!r} was deleted while it was read. "
        "Stop what writes to it before you delete or recreate it."
    )


def test_a_follower_of_deleted_records_fails(utils: KafkaUtils, topic: str) -> None:
    """It does not go on as if nothing was missing."""
    utils.create_topics([topic])
    utils.send_messages(topic, [("k", n) for n in range(5)])
    utils.admin_client.delete_records({TopicPartition(topic, 0): 3})
    with follow(utils, topic, {0: 1}) as followed, pytest.raises(RecordsDeletedError):
        followed.places(1)


def test_what_can_not_be_followed_is_refused(utils: KafkaUtils, topic: str) -> None:
    """A missing topic or partition can't, nor can an offset past the end."""
    with follow(utils, topic) as followed, pytest.raises(UnknownTopicError):
        followed.places(1)
    utils.create_topics([topic])
    for start in ({1: 0}, {0: 1}):
        with follow(utils, topic, start) as followed, pytest.raises(OffsetRangeError):
            followed.places(1)


def test_followers_do_not_disturb_each_other(utils: KafkaUtils, topic: str) -> None:
    """Several run at a time, in threads, and reads beside them."""
    utils.create_topics([topic])
    followed_places: list[list[Place]] = []

    def work() -> None:
        with follow(utils, topic) as followed:
            followed_places.append(followed.places(20))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(20):
        utils.send_messages(topic, [("k", n)])
        assert utils.get_all_records(None, topic) == {"k": str(n)}
    for thread in threads:
        thread.join(60)
    assert followed_places == [[(0, n) for n in range(20)]] * 3
