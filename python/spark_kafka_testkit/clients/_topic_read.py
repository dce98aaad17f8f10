"""One read of a topic by kafka-python, by the rules of `TopicReader.scala`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit.access import Access
from spark_kafka_testkit.clients import Reading
from spark_kafka_testkit.clients._kafka import (
    describe_topics,
    make_consumer,
    partition_offsets,
    reaching,
)
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    KafkaTestkitError,
    MissingDependencyError,
    PartitionState,
    ReadTimeoutError,
    RecordsDeletedError,
    TopicChangedError,
    UnknownTopicError,
)
from spark_kafka_testkit.offsets import (
    Captured,
    Isolation,
    PartitionOffsets,
    Progress,
    ReadQuery,
)
from spark_kafka_testkit.records import read_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient, KafkaConsumer

UNKNOWN_TOPIC_SECONDS = 2.0
CAPTURE_SECONDS = 20.0
LOOK_SECONDS = 1.0
POSITION_MILLIS = 1000
BATCH_RECORDS = 8192


class TopicRead:
    """A read of what `query` wants: to the captured target, by position, or an error.

    Args:
        address: how the cluster is reached.
        admin: lends an admin client.
        query: what is wanted.
    """

    def __init__(
        self,
        address: Access,
        admin: Callable[[], AbstractContextManager[KafkaAdminClient]],
        query: ReadQuery,
    ) -> None:
        self._address, self._admin, self._query = address, admin, query
        self._topic = query.topic
        self._progress: dict[Any, Progress] = {}
        self._topic_id: str | None = None
        self._known: set[int] = set()

    def capture(self, times: Sequence[int]) -> Captured:
        """Where the topic stands now."""
        from kafka.errors import KafkaError

        deadline = _clock.monotonic() + CAPTURE_SECONDS
        while True:
            try:
                return self._capture(times)
            except KafkaError as error:
                # a new leader may not know the high watermark yet
                is_passing = getattr(error, "retriable", False)
                if not is_passing or _clock.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _capture(self, times: Sequence[int]) -> Captured:
        description = self._describe()
        self._topic_id = _id_of(description)
        self._known = numbers_of(description)
        partitions = [self._partition(number) for number in sorted(self._known)]
        with self._admin() as admin:
            offsets = partition_offsets(admin, partitions)
        found = {partition.partition: at for partition, at in offsets.items()}
        at_times = {at: self._offsets_at(at, found) for at in times}
        return Captured(self._topic_id, found, at_times)

    def run(self) -> Reading:
        """See `clients.Reading`."""
        with reaching(self._address):
            captured = self.capture(self._query.times())
            self._progress = {
                self._partition(number): Progress(wanted)
                for number, wanted in self._query.ranges(captured).items()
            }
            yield None
            todo = {p for p, progress in self._progress.items() if not progress.is_done}
            if todo:
                with make_consumer(self._address, self._query.isolation) as consumer:
                    yield from self._batches(consumer, todo)
            new = self._new_partitions()
        coverage = {p.partition: at.coverage() for p, at in self._progress.items()}
        return coverage, new

    def _offsets_at(
        self, millis: int, offsets: dict[int, PartitionOffsets]
    ) -> dict[int, int]:
        isolation: Isolation = "read_uncommitted"
        with make_consumer(self._address, isolation) as consumer:
            found = consumer.offsets_for_times(
                {self._partition(number): millis for number in offsets}
            )
        at = {p.partition: answer for p, answer in found.items() if answer is not None}
        return {
            number: min(at[number].offset, part.end) if number in at else part.end
            for number, part in offsets.items()
        }

    def _batches(
        self, consumer: KafkaConsumer, todo: set[Any]
    ) -> Iterator[pa.RecordBatch]:
        consumer.assign(list(todo))
        for partition in todo:
            consumer.seek(partition, self._progress[partition].position)
        moved_at = looked_at = _clock.monotonic()
        while todo:
            polled = self._poll(consumer, todo)
            moved = self._move(consumer, todo, polled)
            records = [
                record
                for partition, found in polled.items()
                for record in found
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
            is_over = now - moved_at >= self._query.stall_seconds
            if todo and (is_over or now - looked_at >= LOOK_SECONDS):
                looked_at = now
                current = self._check_still(consumer, todo)
                if is_over:
                    raise self._timeout(todo, current)

    def _poll(self, consumer: KafkaConsumer, todo: set[Any]) -> dict[Any, list[Any]]:
        """The records of one poll, by partition."""
        from kafka import errors

        lost = [errors.OffsetOutOfRangeError]
        if hasattr(errors, "LogTruncationError"):
            lost.append(errors.LogTruncationError)
        try:
            found: dict[Any, list[Any]] = consumer.poll(
                timeout_ms=100, max_records=BATCH_RECORDS
            )
        except tuple(lost):
            self._check_still(consumer, todo)
            return {}
        except errors.UnsupportedCodecError as error:
            raise MissingDependencyError(
                f"Topic {self._topic!r} holds records compressed with a codec that "
                f"kafka-python lacks here ({error}). Install it with: "
                "pip install 'spark-kafka-testkit[codecs]'"
            ) from error
        return found

    def _move(
        self, consumer: KafkaConsumer, todo: set[Any], polled: dict[Any, list[Any]]
    ) -> bool:
        """Whether a position has moved. A record tells that it lies behind it; what
        lies behind the last one is asked for when no more come, because to ask for one
        position takes kafka-python longer the more partitions there are.
        """
        positions = {
            partition: found[-1].offset + 1
            for partition, found in polled.items()
            if found
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
                self._address.bootstrap_servers, f"{type(now).__name__}: {now}."
            )
        states = [
            PartitionState(
                partition.partition,
                self._progress[partition].position,
                self._progress[partition].target,
                now[partition].stable,
                self._open_producers(partition),
            )
            for partition in sorted(todo)
        ]
        return ReadTimeoutError(self._topic, self._query.stall_seconds, states)

    def _open_producers(self, partition: Any) -> tuple[int, ...]:
        """The ids of the producers with an open transaction; kafka-python 2 has no
        way to ask.
        """
        from kafka.errors import KafkaError

        with self._admin() as admin:
            if not hasattr(admin, "describe_producers"):
                return ()
            try:
                (state,) = admin.describe_producers([partition]).values()
            except KafkaError:  # it only describes another error
                return ()
        return tuple(
            sorted(
                producer.producer_id
                for producer in state.active_producers
                if producer.current_transaction_start_offset >= 0
            )
        )

    def _check_still(
        self, consumer: KafkaConsumer, todo: set[Any]
    ) -> dict[Any, PartitionOffsets] | Exception:
        """Where the partitions stand now; raises where the read can't go on. While the
        broker does not say, its error.
        """
        from kafka.errors import KafkaError

        try:
            current = self._look_up()
            if current is None:
                raise TopicChangedError(self._topic, "deleted")
            self._check_same(current)
            with self._admin() as admin:
                offsets = partition_offsets(admin, todo)
        except KafkaError as error:
            silence: Exception = error
            return silence
        for partition in todo:
            progress, now = self._progress[partition], offsets[partition]
            if now.end < progress.target:
                raise TopicChangedError(self._topic, "truncated")
            if now.beginning > progress.position:
                if not self._query.allow_deleted:
                    raise RecordsDeletedError(
                        self._topic,
                        partition.partition,
                        progress.position,
                        now.beginning,
                    )
                progress.skip_to(now.beginning)
                consumer.seek(partition, now.beginning)
        return offsets

    def _check_same(self, description: dict[str, Any]) -> None:
        if _id_of(description) != self._topic_id:
            raise TopicChangedError(self._topic, "recreated")

    def _new_partitions(self) -> tuple[int, ...]:
        """The partitions that were added meanwhile. Raises where what was read may be
        another topic of the same name.
        """
        from kafka.errors import KafkaError

        try:
            current = self._look_up()
        except KafkaError:
            return ()  # all that was wanted has been read
        if current is None:
            return ()
        self._check_same(current)
        return tuple(sorted(numbers_of(current) - self._known))

    def _describe(self) -> dict[str, Any]:
        deadline = _clock.monotonic() + UNKNOWN_TOPIC_SECONDS
        while (found := self._look_up()) is None:
            if _clock.monotonic() >= deadline:
                raise UnknownTopicError(self._topic)
            time.sleep(0.05)
        return found

    def _look_up(self) -> dict[str, Any] | None:
        from kafka.errors import for_code

        with self._admin() as admin:
            (found,) = describe_topics(admin, [self._topic])
        error = for_code(found["error_code"])
        if error.__name__ in ("UnknownTopicOrPartitionError", "InvalidTopicError"):
            return None
        if found["error_code"]:
            raise error(f"describing topic {self._topic!r}")
        return dict(found)

    def _partition(self, number: int) -> Any:
        from kafka import TopicPartition

        return TopicPartition(self._topic, number)


def _id_of(description: dict[str, Any]) -> str | None:
    """In the form in which the JVM helper gives it."""
    found = description.get("topic_id")
    return str(found) if found else None


def numbers_of(description: dict[str, Any]) -> set[int]:
    return {info["partition_index"] for info in description["partitions"]}


def to_batch(records: Sequence[Any]) -> pa.RecordBatch:
    import pyarrow as pa

    if not records:
        return pa.RecordBatch.from_pylist([], read_schema())
    rows = [
        (
            record.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            record.key,
            record.value,
            [{"key": key, "value": value} for key, value in record.headers],
        )
        for record in records
    ]
    schema = read_schema()
    columns = [
        pa.array(column, field.type)
        for column, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.record_batch(columns, schema=schema)
