"""One read of a topic with kafka-python, by the rules of `TopicReader.scala`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from spark_kafka_testkit._model.offsets import PartitionOffsets, Progress, ReadRequest
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    KafkaTestkitError,
    PartitionState,
    ReadTimeoutError,
    RecordsDeletedError,
    TopicChangedError,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaConsumer

    from spark_kafka_testkit._clients.protocol import Reading

LOOK_SECONDS = 1.0
POSITION_MILLIS = 1000
BATCH_RECORDS = 8192


class TopicReader:
    """A read of what `request` wants, which reaches the captured target or fails.

    It goes by position, not by the number of records.

    Args:
        config: how to reach the cluster.
        admin: the client to ask with.
        request: what to read.
        look: called now and then while it waits, and may raise.
    """

    def __init__(
        self,
        config: ClientConfig,
        admin: Admin,
        request: ReadRequest,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._config, self._request, self._topic = config, request, request.topic
        self._look = look
        self._lookup = TopicAdmin(config, admin, request.topic)
        self._progress: dict[Any, Progress] = {}

    def run(self) -> Reading:
        """Run the read, as described in `protocol.Reading`."""
        with reaching(self._config):
            captured = self._lookup.capture(self._request.times())
            self._progress = {
                self._lookup.partition(number): Progress(wanted)
                for number, wanted in self._request.ranges(captured).items()
            }
            yield None
            todo = {p for p, progress in self._progress.items() if not progress.is_done}
            if todo:
                with make_consumer(self._config, self._request.isolation) as consumer:
                    yield from self._batches(consumer, todo)
            new = self._new_partitions()
        coverage = {p.partition: at.coverage() for p, at in self._progress.items()}
        return coverage, new

    def _batches(
        self, consumer: KafkaConsumer, todo: set[Any]
    ) -> Iterator[pa.RecordBatch]:
        consumer.assign(list(todo))
        for partition in todo:
            consumer.seek(partition, self._progress[partition].position)
        moved_at = looked_at = _clock.monotonic()
        while todo:
            self._look()
            polled, moved = self._advance(consumer, todo)
            records = [
                record
                for partition, fetched in polled.items()
                for record in fetched
                if self._progress[partition].accept(record.offset)
            ]
            if records:
                yield to_batch(records)
            done = {
                partition for partition in todo if self._progress[partition].is_done
            }
            if done:
                consumer.pause(*done)
                todo -= done
            now = _clock.monotonic()
            if moved:
                moved_at = looked_at = now
                continue
            is_over = now - moved_at >= self._request.stall_seconds
            if todo and (is_over or now - looked_at >= LOOK_SECONDS):
                looked_at = now
                current = self._check_still(consumer, todo)
                if is_over:
                    raise self._timeout(todo, current)

    def _advance(
        self, consumer: KafkaConsumer, todo: set[Any]
    ) -> tuple[dict[Any, list[Any]], bool]:
        """The records of one poll, by partition, and whether a position has moved."""
        polled: dict[Any, list[Any]] = {}
        moved = False
        try:
            with naming_codecs(self._topic):
                polled = consumer.poll(timeout_ms=100, max_records=BATCH_RECORDS)
            moved = self._move(consumer, todo, polled)
        except lost_positions():
            self._check_still(consumer, todo)
        return polled, moved

    def _move(
        self, consumer: KafkaConsumer, todo: set[Any], polled: dict[Any, list[Any]]
    ) -> bool:
        """Move the positions, and return whether one has moved.

        A record shows that the position is past it. What lies past the last record is
        asked for when no more come, because asking for one position takes kafka-python
        longer the more partitions there are.
        """
        positions = {
            partition: fetched[-1].offset + 1
            for partition, fetched in polled.items()
            if fetched
        } or {
            partition: consumer.position(partition, timeout_ms=POSITION_MILLIS)
            for partition in todo
        }
        moved = [
            self._progress[partition].move_to(position)
            for partition, position in positions.items()
        ]
        return any(moved)

    def _timeout(
        self, todo: set[Any], now: dict[Any, PartitionOffsets] | Exception
    ) -> KafkaTestkitError:
        if isinstance(now, Exception):
            return BrokerUnreachableError(
                self._config.bootstrap_servers, f"{type(now).__name__}: {now}."
            )
        states = [
            PartitionState(
                partition.partition,
                self._progress[partition].position,
                self._progress[partition].target,
                now[partition].stable,
                self._lookup.open_producers(partition),
            )
            for partition in sorted(todo)
        ]
        return ReadTimeoutError(self._topic, self._request.stall_seconds, states)

    def _check_still(
        self, consumer: KafkaConsumer, todo: set[Any]
    ) -> dict[Any, PartitionOffsets] | Exception:
        """The current offsets of the partitions, or the broker's error without them.

        Raises:
            TopicChangedError, RecordsDeletedError: the read can't go on.
        """
        from kafka.errors import KafkaError

        try:
            current = self._lookup.look_up()
            if current is None:
                raise TopicChangedError(self._topic, "deleted")
            self._lookup.check_same(current)
            offsets = self._lookup.offsets(todo)
        except KafkaError as error:
            silence: Exception = error
            return silence
        for partition in todo:
            progress, now = self._progress[partition], offsets[partition]
            if now.end < progress.target:
                raise TopicChangedError(self._topic, "truncated")
            if now.beginning > progress.position:
                if not self._request.allow_deleted:
                    raise RecordsDeletedError(
                        self._topic,
                        partition.partition,
                        progress.position,
                        now.beginning,
                    )
                progress.skip_to(now.beginning)
                consumer.seek(partition, now.beginning)
        return offsets

    def _new_partitions(self) -> tuple[int, ...]:
        """The partitions that were added meanwhile.

        Raises:
            TopicChangedError: what was read may be another topic of the same name.
        """
        from kafka.errors import KafkaError

        try:
            current = self._lookup.look_up()
        except KafkaError:
            return ()  # everything that was wanted has been read
        if current is None:
            return ()
        self._lookup.check_same(current)
        return tuple(sorted(numbers_of(current) - self._lookup.partitions))
