"""Sending by kafka-python; the twin of `BulkProducer.scala`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.producer import forget_topics, make_producer
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.send_report import SendReport, Written
from spark_kafka_testkit.errors import SendFailure, UnknownTopicError

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaProducer

MAX_FAILURES = 100
MAX_PENDING = 20_000  # what bounds the memory of a long send: the producer does not
MAX_PENDING_BYTES = 32 << 20
SEND_SECONDS = 60.0
BATCH_BYTES = 256 << 10
TRANSACTION_SECONDS = 900  # what brokers allow at the most, by default

NOTHING = object()
"""A null value, for `KafkaProducer.send`, which refuses one beside a null key."""

Row: TypeAlias = tuple[Any, ...]
"""Key, value, partition, timestamp and headers; None where the producer decides."""


class OwnedProducer:
    """The one producer of its kind, made when it is needed, and anew after a failure.

    Attributes:
        transactional_id: that of the transactional one, or None.
    """

    def __init__(self, config: ClientConfig, transactional: bool) -> None:
        self._config = config
        self._producer: KafkaProducer | None = None
        self.transactional_id = (
            f"spark-kafka-testkit-{uuid.uuid4()}" if transactional else None
        )

    def producer(self) -> KafkaProducer:
        if self._producer is None:
            settings: dict[str, Any] = {}
            if self.transactional_id:
                settings["transactional_id"] = self.transactional_id
                settings["transaction_timeout_ms"] = TRANSACTION_SECONDS * 1000
            producer = make_producer(
                self._config,
                _without_sentinel,
                enable_idempotence=True,
                max_block_ms=10_000,
                linger_ms=5,
                batch_size=BATCH_BYTES,
                max_request_size=100 << 20,
                delivery_timeout_ms=round(SEND_SECONDS * 1000),
                **settings,
            )
            try:
                if self.transactional_id:
                    producer.init_transactions()
            except BaseException:
                producer.close(timeout=1)
                raise
            self._producer = producer
        return self._producer

    def check_partitions(self, topic: str, admin: Admin) -> None:
        """Drops a producer that has not heard of partitions added to the topic.

        That may take it minutes.
        """
        if self._producer is None:
            return
        description = admin.existing([topic]).get(topic)
        if description is not None and self._producer.partitions_for(topic) != {
            part["partition_index"] for part in description["partitions"]
        }:
            self.drop()

    def forget(self, topics: Iterable[str]) -> None:
        """Notes that these topics are gone."""
        if self._producer is not None:
            forget_topics(self._producer, topics)

    def drop(self) -> None:
        """Closes the producer, if there is one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)


class BulkProducer:
    """One send of rows to a topic, and what became of each."""

    def __init__(self, producer: OwnedProducer, topic: str) -> None:
        self._slot, self._topic = producer, topic
        self._transactional = producer.transactional_id is not None
        self._sent = self._acked = 0
        self._counts = {"failed": 0, "unknown": 0}
        self._failures: list[SendFailure] = []
        self._written: dict[int, Written] = {}
        self._futures: list[tuple[int, Any]] = []
        self._pending_bytes = 0
        self._failure: Exception | None = None

    def run(self, batches: Iterable[pa.RecordBatch]) -> SendReport:
        """Sends all rows; see `clients.Client.send`."""
        self._partitions = self._count_partitions()
        aborted = False
        if self._transactional:
            aborted = self._transaction(batches)
        else:
            try:
                self._send_all(batches)
            finally:
                self._settle()
        return self._report(aborted)

    def _transaction(self, batches: Iterable[pa.RecordBatch]) -> bool:
        """Whether it was aborted."""
        from kafka.errors import KafkaTimeoutError

        producer = self._slot.producer()
        producer.begin_transaction()
        try:
            self._send_all(batches)
            self._settle()
        except BaseException:
            self._futures.clear()
            producer.abort_transaction()
            raise
        if self._acked == self._sent and self._failure is None:
            try:
                producer.commit_transaction()
            except KafkaTimeoutError:
                self._counts["unknown"], self._acked = self._acked, 0
                self._slot.drop()
            return False
        producer.abort_transaction()
        if self._failures:
            self._slot.drop()
        return True

    def _count_partitions(self) -> int:
        """Raises where the topic does not exist and the broker makes none."""
        from kafka.errors import KafkaTimeoutError

        try:
            known = self._slot.producer().partitions_for(self._topic)
        except KafkaTimeoutError as error:
            raise UnknownTopicError(self._topic) from error
        if known is None:
            raise UnknownTopicError(self._topic)
        return len(known)

    def _send_all(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in self._drawn(batches):
            for row in _rows(batch):
                if self._transactional and self._failures:
                    return  # the transaction is lost
                self._send(row)

    def _drawn(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, up to where they fail."""
        try:
            yield from batches
        except Exception as error:  # noqa: BLE001  the report has it
            self._failure = error

    def _send(self, row: Row) -> None:
        """A large record is settled by itself, so that no other shares its fate."""
        from kafka.errors import KafkaError

        key, value, partition, timestamp, headers = row
        if timestamp is None:  # the helper's records do not travel in time either
            timestamp = int(_clock.now() * 1000)
        size = len(key or b"") + len(value or b"")
        is_large = size > BATCH_BYTES
        if (
            is_large
            or len(self._futures) >= MAX_PENDING
            or self._pending_bytes >= MAX_PENDING_BYTES
        ):
            self._settle()
        self._pending_bytes += size
        index = self._sent
        self._sent += 1
        if partition is not None and partition >= self._partitions:
            reason = f"partition {partition} of a topic with {self._partitions}"
            self._fail(index, "UnknownPartition", reason, "failed")
            return
        if any(header_value is None for _, header_value in headers or ()):
            reason = "kafka-python sends no null as a header's value; the helper does"
            self._fail(index, "NullHeader", reason, "failed")
            return
        try:
            future = self._slot.producer().send(
                self._topic,
                key=key,
                value=NOTHING if key is None and value is None else value,
                headers=headers,
                partition=partition,
                timestamp_ms=timestamp,
            )
        except KafkaError as error:
            self._fail(index, type(error).__name__, str(error), "failed")
        else:
            self._futures.append((index, future))
            if is_large:
                self._settle()

    def _settle(self) -> None:
        """Waits for what was sent.

        A failure ends the producer: an idempotent one refuses everything from then on.
        """
        from kafka.errors import KafkaError, KafkaTimeoutError

        deadline = _clock.monotonic() + SEND_SECONDS
        failed = False
        for index, future in self._futures:
            try:
                self._ack(future.get(timeout=max(0.0, deadline - _clock.monotonic())))
            except KafkaError as error:
                failed = True
                is_unknown = isinstance(error, KafkaTimeoutError) or getattr(
                    error, "retriable", False
                )
                outcome = "unknown" if is_unknown else "failed"
                self._fail(index, type(error).__name__, str(error), outcome)
        self._futures.clear()
        self._pending_bytes = 0
        if failed and not self._transactional:
            self._slot.drop()

    def _ack(self, metadata: Any) -> None:
        self._acked += 1
        before = self._written.get(metadata.partition)
        first = metadata.offset if before is None else before.first
        self._written[metadata.partition] = Written(
            (before.count if before else 0) + 1, first, metadata.offset
        )

    def _fail(self, index: int, error: str, reason: str, outcome: str) -> None:
        self._counts[outcome] += 1
        if len(self._failures) < MAX_FAILURES:
            self._failures.append(SendFailure(index, outcome, error, reason))

    def _report(self, aborted: bool) -> SendReport:
        failures = tuple(sorted(self._failures, key=lambda failure: failure.index))
        return SendReport(
            self._sent,
            self._acked,
            self._counts["failed"],
            self._counts["unknown"],
            failures,
            self._written,
            aborted,
            self._failure,
        )


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    """The rows of a batch, whichever of the columns it has."""
    names = batch.schema.names
    columns = [
        batch.column(name).to_pylist() if name in names else [None] * batch.num_rows
        for name in ("key", "value", "partition", "timestamp")
    ]
    headers: list[Any] = [None] * batch.num_rows
    if "headers" in names:
        headers = [
            [(header["key"], header["value"]) for header in row] if row else None
            for row in batch.column("headers").to_pylist()
        ]
    return zip(*columns, headers, strict=True)


def _without_sentinel(data: Any) -> bytes | None:
    return None if data is NOTHING else data
