"""Follow a topic with kafka-python, by the rules of `TopicFollower.scala`."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.compat import reaching
from spark_kafka_testkit._kafka_python.consumer import (
    lost_positions,
    make_consumer,
    naming_codecs,
)
from spark_kafka_testkit._kafka_python.record_batch import to_batch
from spark_kafka_testkit._kafka_python.topic_admin import TopicAdmin, numbers_of
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit.errors import RecordsDeletedError, TopicChangedError

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaConsumer

HEARTBEAT_MILLIS = 100
WAIT_MILLIS = 500
LOOK_SECONDS = 1.0
BATCH_RECORDS = 8192


class TopicFollower:
    """The records that come into a topic, from where `request` starts.

    Args:
        config: how to reach the cluster.
        admin: the client to ask with.
        request: what to follow.
    """

    def __init__(
        self, config: ClientConfig, admin: Admin, request: ReadRequest
    ) -> None:
        self._config, self._request, self._topic = config, request, request.topic
        self._lookup = TopicAdmin(config, admin, request.topic)

    def follow(self) -> Generator[pa.RecordBatch, None, None]:
        """Follow the topic, as described in `Client.follow`."""
        with reaching(self._config):
            ranges = self._request.ranges(self._lookup.capture(self._request.times()))
            with make_consumer(
                self._config, self._request.isolation, WAIT_MILLIS
            ) as consumer:
                consumer.assign([self._lookup.partition(number) for number in ranges])
                for number, wanted in ranges.items():
                    consumer.seek(self._lookup.partition(number), wanted.start)
                looked_at = _clock.monotonic()
                while True:
                    records = self._poll_on(consumer)
                    yield to_batch(records)
                    if records:
                        looked_at = _clock.monotonic()
                    elif _clock.monotonic() - looked_at >= LOOK_SECONDS:
                        looked_at = _clock.monotonic()
                        self._look(consumer)

    def _poll_on(self, consumer: KafkaConsumer) -> list[Any]:
        try:
            with naming_codecs(self._topic):
                polled = consumer.poll(HEARTBEAT_MILLIS, max_records=BATCH_RECORDS)
        except lost_positions():
            self._look(consumer)
            self._check_position(consumer)
            return []
        return [record for records in polled.values() for record in records]

    def _look(self, consumer: KafkaConsumer) -> None:
        """Check the topic after a quiet while.

        It may be another topic by now, or have more partitions.
        """
        from kafka.errors import KafkaError

        try:
            current = self._lookup.look_up()
        except KafkaError:
            return  # the next check may have an answer
        if current is None:
            raise TopicChangedError(self._topic, "deleted")
        self._lookup.check_same(current)
        numbers = numbers_of(current) - self._lookup.partitions
        if numbers:
            added = [self._lookup.partition(number) for number in sorted(numbers)]
            self._lookup.partitions |= numbers
            consumer.assign([*consumer.assignment(), *added])
            consumer.seek_to_beginning(*added)

    def _check_position(self, consumer: KafkaConsumer) -> None:
        """Check that the records that come next still exist.

        Raises:
            TopicChangedError, RecordsDeletedError: they do not.
        """
        partitions = list(consumer.assignment())
        offsets = self._lookup.offsets(partitions)
        for partition, now in offsets.items():
            try:
                position = consumer.position(partition)
            except lost_positions() as error:
                raise TopicChangedError(self._topic, "truncated") from error
            if now.end < position:
                raise TopicChangedError(self._topic, "truncated")
            if now.beginning > position:
                raise RecordsDeletedError(
                    self._topic, partition.partition, position, now.beginning
                )
