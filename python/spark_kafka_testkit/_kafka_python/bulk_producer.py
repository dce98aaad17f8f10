"""Send with kafka-python. This is the twin of `BulkProducer.scala`."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.compat import awaited, reaching
from spark_kafka_testkit._kafka_python.producer import (
    close_at_once,
    end_transaction,
    forget_topics,
    make_producer,
)
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.send_report import (
    NO_ANSWER,
    SendReport,
    Written,
    why_given_up,
)
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    NotSetUpError,
    SendFailure,
    UnknownTopicError,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaProducer

MAX_FAILURES = 100
# Limits for a long send, which the producer itself does not bound. What is pending must
# be sent within one delivery, even on a slow machine, where kafka-python sends 3 MB a
# second.
MAX_PENDING = 8000
MAX_PENDING_BYTES = 4 << 20
DELIVERY_SECONDS = 12.0  # how much time a dead broker costs a send
BLOCK_SECONDS = 10.0
LOOK_SECONDS = 0.25
BATCH_BYTES = 256 << 10
TRANSACTION_SECONDS = 900  # the most that brokers allow by default

NOTHING = object()
"""A null value for `KafkaProducer.send`, which rejects None next to a null key."""

Row: TypeAlias = tuple[Any, ...]
"""Key, value, partition, timestamp and headers, or None if the producer decides."""


class OwnedProducer:
    """The one producer of its kind, made when it is needed and again after a failure.

    Attributes:
        transactional_id: the id of a transactional producer, or None.
        is_left_open: whether its transaction may still be open. The next producer ends
            it.
    """

    def __init__(self, config: ClientConfig, transactional: bool) -> None:
        self._config = config
        self._producer: KafkaProducer | None = None
        self._topic_ids: dict[str, Any] = {}
        self.transactional_id = (
            f"spark-kafka-testkit-{uuid.uuid4()}" if transactional else None
        )
        self.is_left_open = False
        self._is_closed = False

    def producer(self) -> KafkaProducer:
        """The producer, made if there is none.

        Raises:
            BrokerUnreachableError: nothing answers.
            NotSetUpError: after `close()`.
        """
        self._check_open()
        if self._producer is None:
            settings: dict[str, Any] = {}
            if self.transactional_id:
                settings["transactional_id"] = self.transactional_id
                settings["transaction_timeout_ms"] = TRANSACTION_SECONDS * 1000
            producer = make_producer(
                self._config,
                _without_sentinel,
                enable_idempotence=True,
                max_block_ms=round(BLOCK_SECONDS * 1000),
                linger_ms=5,
                batch_size=BATCH_BYTES,
                max_request_size=100 << 20,
                request_timeout_ms=10_000,
                delivery_timeout_ms=round(DELIVERY_SECONDS * 1000),
                **settings,
            )
            try:
                if self.transactional_id:
                    self._init_transactions(producer)
                self._check_open()
            except BaseException:
                close_at_once(producer)
                raise
            self._producer = producer
            self.is_left_open = False
        return self._producer

    def partitions_for(self, topic: str) -> set[int] | None:
        """The numbers of the topic's partitions, as the producer knows them."""
        call = partial(self.producer().partitions_for, topic)
        numbers: set[int] | None = awaited(call, self._check_open).result()
        return numbers

    def _init_transactions(self, producer: KafkaProducer) -> None:
        with reaching(self._config):
            awaited(producer.init_transactions, self._check_open).result()

    def _check_open(self) -> None:
        if self._is_closed:
            raise NotSetUpError("The client is closed.")

    def check_topic(self, topic: str, known: Mapping[str, Any] | None) -> None:
        """Drop a producer whose knowledge of the topic is out of date.

        It may take minutes to learn about added partitions. In another topic of the
        same name it would go on with the numbers of its batches.

        Args:
            topic: the topic.
            known: its description, or None if there is no such topic.
        """
        if known is None:
            if topic in self._topic_ids:
                self.drop()
            return
        topic_id = known.get("topic_id")
        if self._producer is not None:
            numbers = {part["partition_index"] for part in known["partitions"]}
            if (
                self._topic_ids.get(topic, topic_id) != topic_id
                or self.partitions_for(topic) != numbers
            ):
                self.drop()

    def note(self, topic: str, topic_id: Any) -> None:
        """Note the id of the topic that it sends to."""
        self._topic_ids[topic] = topic_id

    def forget(self, topics: Iterable[str]) -> None:
        """Note that these topics are gone."""
        if self._producer is not None:
            forget_topics(self._producer, topics)

    def close(self) -> None:
        """Close the producer for good, even during a send that waits for it."""
        self._is_closed = True
        self.drop()

    def drop(self) -> None:
        """Close the producer, if there is one. The next use makes another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            close_at_once(producer)


class BulkProducer:
    """One send of rows to a topic, with the outcome of each.

    Args:
        producer: the producer to send with.
        topic: the topic to send to.
        check_usable: raises if the cluster can't be used any more: a BrokerEndedError,
            or another error if it was closed.
    """

    def __init__(
        self, producer: OwnedProducer, topic: str, check_usable: Callable[[], None]
    ) -> None:
        self._slot, self._topic = producer, topic
        self._check_usable = check_usable
        self._transactional = producer.transactional_id is not None
        self._sent = self._acked = 0
        self._counts = {"failed": 0, "unknown": 0}
        self._failures: list[SendFailure] = []
        self._written: dict[int, Written] = {}
        self._futures: deque[tuple[int, int, Any]] = deque()  # index, size, future
        self._pending_bytes = 0
        self._failure: Exception | None = None
        self._given_up = ""
        self._looked_at = _clock.monotonic()
        self._has_started_over = False  # offsets rise, except in a topic made again

    def find_topic(self) -> None:
        """Find out how many partitions the topic has. The broker may create it here.

        Raises:
            UnknownTopicError: it does not exist, and the broker does not create it.
        """
        self._partitions = self._count_partitions()

    def run(self, batches: Iterable[pa.RecordBatch]) -> SendReport:
        """Send all rows, after the topic is found. See `Client.send`."""
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
        """Send all rows in a transaction, and return whether it was aborted.

        If the broker can't be asked to abort it, it is still never committed.
        """
        self._slot.producer().begin_transaction()
        self._slot.is_left_open = True
        try:
            self._send_all(batches)
            self._settle()
        except BaseException:
            self._futures.clear()
            self._end_transaction(is_commit=False)
            raise
        if self._acked == self._sent and not (self._failure or self._given_up):
            if not self._end_transaction(is_commit=True):
                self._counts["unknown"], self._acked = self._acked, 0
            return False
        self._end_transaction(is_commit=False)
        if self._failures:
            self._slot.drop()
        return True

    def _end_transaction(self, is_commit: bool) -> bool:
        """End the transaction, and return whether the broker has acknowledged that."""
        from kafka.errors import KafkaError

        if self._given_up:
            return False
        deadline = _clock.monotonic() + BLOCK_SECONDS
        try:
            is_ended = end_transaction(
                self._slot.producer(), is_commit, lambda: self._is_over(deadline)
            )
        except KafkaError as error:
            self._give_up(f"{type(error).__name__}: {error}")
            return False
        self._slot.is_left_open = not is_ended
        return is_ended

    def _is_over(self, deadline: float) -> bool:
        """Give up if there is nothing left to wait for.

        Returns:
            Whether the send is given up.
        """
        why = self._why()
        if why != NO_ANSWER or _clock.monotonic() >= deadline:
            self._give_up(why)
        return bool(self._given_up)

    def _why(self) -> str:
        """Why the broker does not answer."""
        return why_given_up(self._check_usable)

    def _give_up(self, reason: str) -> None:
        """Send no more. The end of the producer completes what it holds."""
        if not self._given_up:
            self._given_up = reason
            self._slot.drop()

    def _count_partitions(self) -> int:
        from kafka.errors import KafkaTimeoutError

        try:
            known = self._slot.partitions_for(self._topic)
        except KafkaTimeoutError as error:
            raise UnknownTopicError(self._topic) from error
        if known is None:
            raise UnknownTopicError(self._topic)
        return len(known)

    def _send_all(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in self._drawn(batches):
            for row in _rows(batch):
                if self._given_up or (self._transactional and self._failures):
                    return  # a transaction that has lost a row is lost
                self._send(row)
                self._look()

    def _look(self) -> None:
        """Check now and then, while rows are sent, that the broker is still there."""
        now = _clock.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        why = self._why()
        if why != NO_ANSWER:
            self._give_up(why)
        else:
            self._ack_first()
            if self._futures and self._futures[0][-1].failed():
                self._settle()

    def _ack_first(self) -> None:
        """Acknowledge the rows that are written, up to the first one that is not.

        If the broker has died, that one is the first to run out of time.
        """
        while self._futures and self._futures[0][-1].succeeded():
            _, size, future = self._futures.popleft()
            self._pending_bytes -= size
            self._ack(future.value)

    def _drawn(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, up to the point where drawing them fails."""
        try:
            yield from batches
        except Exception as error:  # noqa: BLE001  it goes into the report
            self._failure = error

    def _send(self, row: Row) -> None:
        """Send a row.

        A large one is settled alone, so that no other shares its fate.
        """
        from kafka.errors import KafkaError, KafkaTimeoutError

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
        producer = self._current_producer()
        if producer is None:
            return
        index = self._sent
        self._sent += 1
        if partition is not None and partition >= self._partitions:
            reason = (
                f"partition {partition} does not exist (the topic has "
                f"{self._partitions})"
            )
            self._fail(index, "UnknownPartition", reason, "failed")
            return
        if any(header_value is None for _, header_value in headers or ()):
            reason = "kafka-python can't send a null header value, the JVM helper can"
            self._fail(index, "NullHeader", reason, "failed")
            return
        try:
            future = producer.send(
                self._topic,
                key=key,
                value=NOTHING if key is None and value is None else value,
                headers=headers,
                partition=partition,
                timestamp_ms=timestamp,
            )
        except KafkaTimeoutError as error:
            self._fail(index, type(error).__name__, str(error), "failed")
            self._give_up(NO_ANSWER)
        except KafkaError as error:
            self._fail(index, type(error).__name__, str(error), "failed")
        except (TypeError, ValueError):
            # from the partitioner, which looks twice while kafka-python learns of this
            reason = f"kafka-python no longer knows topic {self._topic!r}"
            self._fail(index, "UnknownTopicOrPartitionError", reason, "failed")
        else:
            self._pending_bytes += size
            self._futures.append((index, size, future))
            if is_large:
                self._settle()

    def _current_producer(self) -> KafkaProducer | None:
        """The producer, made again after a failure, or None if the send is given up."""
        if self._given_up:
            return None
        try:
            return self._slot.producer()
        except BrokerUnreachableError:
            self._give_up(self._why())
            return None

    def _settle(self) -> None:
        """Wait for what was sent.

        The first row that runs out of time ends the send, so a dead broker takes the
        time of one delivery. A failure ends the producer, because an idempotent one
        refuses everything from then on.
        """
        deadline = _clock.monotonic() + DELIVERY_SECONDS
        failed = False
        for index, _, future in self._futures:
            self._wait_for(future, deadline)
            if future.succeeded():
                self._ack(future.value)
                continue
            failed = True
            error = future.exception
            if error is None or _may_be_done(error):
                name = "KafkaTimeoutError" if error is None else type(error).__name__
                self._fail(index, name, str(error or NO_ANSWER), "unknown")
                self._give_up(NO_ANSWER)
            else:
                self._fail(index, type(error).__name__, str(error), "failed")
        self._futures.clear()
        self._pending_bytes = 0
        if failed and not self._transactional:
            self._slot.drop()

    def _wait_for(self, future: Any, deadline: float) -> None:
        """Wait until the future is done, or the send is given up."""
        from kafka.errors import KafkaError

        while not (future.is_done or self._given_up):
            with suppress(KafkaError):  # its own error, or that it is not done yet
                future.get(timeout=LOOK_SECONDS)
            if not future.is_done:
                self._is_over(deadline)

    def _ack(self, metadata: Any) -> None:
        self._acked += 1
        before = self._written.get(metadata.partition)
        if before is None:
            before = Written(0, metadata.offset, metadata.offset - 1)
        if metadata.offset <= before.last:
            self._has_started_over = True
        self._written[metadata.partition] = Written(
            before.count + 1, before.first, metadata.offset
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
            self._given_up,
            "truncated" if self._has_started_over else None,
        )


def _may_be_done(error: Exception) -> bool:
    """Whether a row may be written: it timed out, or its producer was closed."""
    from kafka.errors import BrokerResponseError

    return getattr(error, "retriable", False) or not isinstance(
        error, BrokerResponseError
    )


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    """The rows of a batch, with whichever columns it has."""
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
