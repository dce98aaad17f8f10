"""A topic's records as they come, by kafka-python, by the rules of
`TopicFollower.scala`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit.clients._kafka import (
    make_consumer,
    partition_offsets,
    reaching,
)
from spark_kafka_testkit.clients._topic_read import TopicRead, numbers_of, to_batch
from spark_kafka_testkit.errors import RecordsDeletedError, TopicChangedError

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaConsumer

HEARTBEAT_MILLIS = 100
WAIT_MILLIS = 500
LOOK_SECONDS = 1.0
BATCH_RECORDS = 8192


class TopicFollow(TopicRead):
    """A read that goes on with what comes."""

    def follow(self) -> Generator[pa.RecordBatch, None, None]:
        """See `Client.follow`."""
        with reaching(self._address):
            ranges = self._query.ranges(self.capture(self._query.times()))
            with make_consumer(
                self._address, self._query.isolation, WAIT_MILLIS
            ) as consumer:
                consumer.assign([self._partition(number) for number in ranges])
                for number, wanted in ranges.items():
                    consumer.seek(self._partition(number), wanted.start)
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
        from kafka.errors import OffsetOutOfRangeError

        try:
            polled = consumer.poll(HEARTBEAT_MILLIS, max_records=BATCH_RECORDS)
        except OffsetOutOfRangeError:
            self._check_position(consumer)
            return []
        return [record for found in polled.values() for record in found]

    def _look(self, consumer: KafkaConsumer) -> None:
        """Nothing has come for a while: is it still the topic, and has it more
        partitions now?
        """
        from kafka.errors import KafkaError

        try:
            current = self._look_up()
        except KafkaError:
            return  # the next look may have an answer
        if current is None:
            raise TopicChangedError(self._topic, "deleted")
        self._check_same(current)
        added = [self._partition(n) for n in numbers_of(current) - self._known]
        if added:
            self._known |= numbers_of(current)
            consumer.assign([*consumer.assignment(), *added])
            consumer.seek_to_beginning(*added)

    def _check_position(self, consumer: KafkaConsumer) -> None:
        """Raises where the records that come next are not there any more."""
        partitions = list(consumer.assignment())
        with self._admin() as admin:
            offsets = partition_offsets(admin, partitions)
        for partition, now in offsets.items():
            position = consumer.position(partition)
            if now.end < position:
                raise TopicChangedError(self._topic, "truncated")
            if now.beginning > position:
                raise RecordsDeletedError(
                    self._topic, partition.partition, position, now.beginning
                )
