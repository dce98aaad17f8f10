"""The client in pure Python, by kafka-python: for where no JVM helper can be reached.
Also the makers of the kafka-python objects that users get as `producer` and
`admin_client`.

kafka-python 2.3 and 3.x are told apart by what they offer, not by version.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit.clients import (
    Coverage,
    Isolation,
    Readback,
    SendReport,
    Written,
)
from spark_kafka_testkit.errors import (
    BrokerUnreachableError,
    KafkaTestkitError,
    MissingDependencyError,
    PartitionState,
    ReadTimeoutError,
    RecordsDeletedError,
    SendFailure,
    TopicChangedError,
    UnknownTopicError,
)
from spark_kafka_testkit.offsets import PartitionOffsets, Progress
from spark_kafka_testkit.records import encode, read_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

UNKNOWN_TOPIC_SECONDS = 2.0
LOOK_SECONDS = 1.0
BATCH_RECORDS = 8192
MAX_FAILURES = 100
SEND_SECONDS = 60.0
BATCH_BYTES = 256 << 10


def require_kafka_python() -> None:
    """Raises a MissingDependencyError, in the document's words, where kafka-python is
    not installed. It is not imported for that: `preload` does so while a broker starts.
    """
    if importlib.util.find_spec("kafka") is None:
        raise MissingDependencyError(
            "kafka-python is required for Kafka tests. "
            "Install it with: pip install kafka-python"
        )


def preload() -> None:
    """Imports kafka-python in the background: it takes a sixth of a second."""
    threading.Thread(
        target=importlib.import_module, args=["kafka"], daemon=True
    ).start()


@contextmanager
def _reaching(bootstrap_servers: str) -> Iterator[None]:
    """Turns kafka-python's several ways to say that nobody answers into one."""
    require_kafka_python()
    from kafka import errors

    kinds = tuple(
        getattr(errors, name)
        for name in ("NoBrokersAvailable", "KafkaTimeoutError", "KafkaConnectionError")
        if hasattr(errors, name)
    )
    try:
        yield
    except kinds as error:
        raise BrokerUnreachableError(
            bootstrap_servers, f"{type(error).__name__}: {error}."
        ) from error


def _supported(kind: Any, **settings: Any) -> dict[str, Any]:
    return {
        name: value for name, value in settings.items() if name in kind.DEFAULT_CONFIG
    }


def make_admin(
    bootstrap_servers: str, timeout_seconds: float = 10.0
) -> KafkaAdminClient:
    """A kafka-python admin client.

    Raises:
        BrokerUnreachableError: nobody answers within the time.
    """
    with _reaching(bootstrap_servers):
        from kafka import KafkaAdminClient

        millis = round(timeout_seconds * 1000)
        settings = _supported(
            KafkaAdminClient,
            bootstrap_timeout_ms=millis,
            api_version_auto_timeout_ms=millis,
        )
        return KafkaAdminClient(bootstrap_servers=bootstrap_servers, **settings)


def await_api(bootstrap_servers: str, timeout_seconds: float = 10.0) -> None:
    """Returns when a broker answers a request at the address that it advertises.

    Raises:
        BrokerUnreachableError: none does within the time.
    """
    with _reaching(bootstrap_servers):
        admin = make_admin(bootstrap_servers, timeout_seconds)
        try:
            admin.list_topics()
        finally:
            admin.close()


def partition_offsets(
    admin: KafkaAdminClient, partitions: Iterable[Any]
) -> dict[Any, PartitionOffsets]:
    """Where the partitions stand; a KafkaError where a leader does not answer."""
    wanted = list(partitions)
    if hasattr(admin, "list_partition_offsets"):
        from kafka.admin import OffsetSpec
        from kafka.protocol.consumer import IsolationLevel

        def listed(
            spec: Any, isolation: Any = IsolationLevel.READ_UNCOMMITTED
        ) -> dict[Any, int]:
            found = admin.list_partition_offsets(dict.fromkeys(wanted, spec), isolation)
            return {partition: answer.offset for partition, answer in found.items()}

        beginning, end = listed(OffsetSpec.EARLIEST), listed(OffsetSpec.LATEST)
        stable = listed(OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
    else:
        address = admin.config["bootstrap_servers"]
        with _consumer(address, "read_uncommitted") as consumer:
            beginning, end = (
                consumer.beginning_offsets(wanted),
                consumer.end_offsets(wanted),
            )
        with _consumer(address, "read_committed") as consumer:
            stable = consumer.end_offsets(wanted)
    return {p: PartitionOffsets(beginning[p], end[p], stable[p]) for p in wanted}


def make_producer(bootstrap_servers: str, **settings: Any) -> KafkaProducer:
    """A kafka-python producer that encodes keys and values by the kit's rules
    (`records.encode`) and waits for all replicas.
    """
    with _reaching(bootstrap_servers):
        from kafka import KafkaProducer

        serializer = _serializer()
        return KafkaProducer(
            bootstrap_servers=bootstrap_servers,
            acks="all",
            key_serializer=serializer,
            value_serializer=serializer,
            **_supported(KafkaProducer, bootstrap_timeout_ms=10_000, **settings),
        )


def _serializer() -> Any:
    """`records.encode` as kafka-python's serializer class, whose method takes (topic,
    data) in 2.x, (topic, headers, data) in 3.x.
    """
    from kafka.serializer import Serializer

    class KitSerializer(Serializer):  # type: ignore[misc]
        def serialize(self, topic: str, *rest: Any) -> bytes | None:
            return encode(rest[-1])

    return KitSerializer()


class KafkaPythonClient:
    """A client of one cluster by kafka-python."""

    name = "kafka-python"

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._admin: KafkaAdminClient | None = None

    def send(self, topic: str, batches: Iterable[pa.RecordBatch]) -> SendReport:
        with self._lock:
            self._check_topic(topic)
            account = _Account()
            futures: list[tuple[int, Any]] = []
            for batch in batches:
                keys, values = batch.column("key"), batch.column("value")
                for pair in zip(keys.to_pylist(), values.to_pylist(), strict=True):
                    is_large = sum(len(part) for part in pair if part) > BATCH_BYTES
                    if is_large:
                        self._settle(futures, account)
                    self._send(topic, pair, futures, account)
                    if is_large:
                        self._settle(futures, account)
            self._settle(futures, account)
            return account.report()

    def _check_topic(self, topic: str) -> None:
        """Raises where the topic does not exist and the broker makes none."""
        from kafka.errors import KafkaTimeoutError

        try:
            known = self._sending_producer().partitions_for(topic)
        except KafkaTimeoutError as error:
            raise UnknownTopicError(topic) from error
        if known is None:
            raise UnknownTopicError(topic)

    def _sending_producer(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = make_producer(
                self._bootstrap_servers,
                max_block_ms=10_000,
                linger_ms=5,
                batch_size=BATCH_BYTES,
                max_request_size=100 << 20,
                delivery_timeout_ms=round(SEND_SECONDS * 1000),
            )
        return self._producer

    def _send(
        self,
        topic: str,
        pair: tuple[bytes | None, bytes | None],
        futures: list[tuple[int, Any]],
        account: _Account,
    ) -> None:
        from kafka.errors import KafkaError

        index = account.sent
        account.sent += 1
        try:
            future = self._sending_producer().send(topic, key=pair[0], value=pair[1])
        except KafkaError as error:
            account.fail(index, error)
        else:
            futures.append((index, future))

    def _settle(self, futures: list[tuple[int, Any]], account: _Account) -> None:
        """Waits for what was sent. A failure ends the producer: an idempotent one
        refuses everything from then on. A large record is settled by itself, so that no
        other shares its fate.
        """
        from kafka.errors import KafkaError, KafkaTimeoutError

        deadline = time.monotonic() + SEND_SECONDS
        failed = False
        for index, future in futures:
            try:
                account.ack(future.get(timeout=max(0.0, deadline - time.monotonic())))
            except KafkaError as error:
                failed = True
                is_unknown = isinstance(error, KafkaTimeoutError)
                account.fail(index, error, "unknown" if is_unknown else "failed")
        futures.clear()
        if failed and self._producer is not None:
            self._producer.close(timeout=1)
            self._producer = None

    def read(self, topic: str, isolation: Isolation, stall_seconds: float) -> Readback:
        import pyarrow as pa

        with self._lock, _reaching(self._bootstrap_servers):
            if self._admin is None:
                self._admin = make_admin(self._bootstrap_servers)
            read = _TopicRead(
                self._bootstrap_servers, self._admin, topic, stall_seconds
            )
            with _consumer(self._bootstrap_servers, isolation) as consumer:
                table = pa.Table.from_batches(
                    list(read.batches(consumer)), read_schema()
                )
            return Readback(table, read.coverage())

    def close(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
            admin, self._admin = self._admin, None
        if producer is not None:
            producer.close(timeout=1)
        if admin is not None:
            admin.close()


class _Account:
    """What became of each record of a send."""

    def __init__(self) -> None:
        self.sent = self.acked = 0
        self._counts = {"failed": 0, "unknown": 0}
        self._failures: list[SendFailure] = []
        self._written: dict[int, Written] = {}

    def ack(self, metadata: Any) -> None:
        self.acked += 1
        before = self._written.get(metadata.partition)
        first = metadata.offset if before is None else before.first
        self._written[metadata.partition] = Written(
            (before.count if before else 0) + 1, first, metadata.offset
        )

    def fail(self, index: int, error: Exception, outcome: str = "failed") -> None:
        self._counts[outcome] += 1
        if len(self._failures) < MAX_FAILURES:
            self._failures.append(
                SendFailure(index, outcome, type(error).__name__, str(error))
            )

    def report(self) -> SendReport:
        failures = tuple(sorted(self._failures, key=lambda failure: failure.index))
        return SendReport(
            self.sent,
            self.acked,
            self._counts["failed"],
            self._counts["unknown"],
            failures,
            self._written,
        )


class _TopicRead:
    """One read of a topic, by the rules of `TopicReader.scala`: to the captured high
    watermark, by position, or an error.
    """

    def __init__(
        self, address: str, admin: KafkaAdminClient, topic: str, stall_seconds: float
    ) -> None:
        self._address = address
        self._admin, self._topic, self._stall_seconds = admin, topic, stall_seconds
        self._description = self._describe()
        partitions = [
            self._partition(info["partition_index"])
            for info in self._description["partitions"]
        ]
        self._progress = {
            partition: Progress(offsets)
            for partition, offsets in partition_offsets(admin, partitions).items()
        }

    def coverage(self) -> dict[int, Coverage]:
        return {
            partition.partition: progress.coverage()
            for partition, progress in self._progress.items()
        }

    def batches(self, consumer: KafkaConsumer) -> Iterator[pa.RecordBatch]:
        from kafka.errors import OffsetOutOfRangeError

        todo = {
            partition
            for partition, progress in self._progress.items()
            if not progress.is_done
        }
        consumer.assign(list(todo))
        for partition in todo:
            consumer.seek(partition, self._progress[partition].position)
        moved_at = looked_at = time.monotonic()
        while todo:
            try:
                polled = consumer.poll(timeout_ms=100, max_records=BATCH_RECORDS)
            except OffsetOutOfRangeError:
                polled = {}
                self._check_still(todo)
            records = [
                record
                for partition, found in polled.items()
                for record in found
                if self._progress[partition].accept(record.offset)
            ]
            if records:
                yield _to_batch(records)
            moved = [
                p
                for p in todo
                if self._progress[p].move_to(consumer.position(p, timeout_ms=1000))
            ]
            done = {p for p in todo if self._progress[p].is_done}
            if done:
                consumer.pause(*done)
                todo -= done
            now = time.monotonic()
            if moved:
                moved_at = looked_at = now
            elif todo and (
                now - looked_at >= LOOK_SECONDS or now - moved_at >= self._stall_seconds
            ):
                looked_at = now
                current = self._check_still(todo)
                if now - moved_at >= self._stall_seconds:
                    raise self._timeout(todo, current)

    def _timeout(
        self, todo: set[Any], now: dict[Any, PartitionOffsets] | Exception
    ) -> KafkaTestkitError:
        if isinstance(now, Exception):
            return BrokerUnreachableError(
                self._address, f"{type(now).__name__}: {now}."
            )
        states = [
            PartitionState(
                partition.partition,
                self._progress[partition].position,
                self._progress[partition].target,
                now[partition].stable,
            )
            for partition in sorted(todo)
        ]
        return ReadTimeoutError(self._topic, self._stall_seconds, states)

    def _check_still(self, todo: set[Any]) -> dict[Any, PartitionOffsets] | Exception:
        """Where the partitions stand now; raises where the read can't go on. While the
        broker does not say, its error.
        """
        from kafka.errors import KafkaError

        try:
            current = self._look_up()
            if current is None:
                raise TopicChangedError(self._topic, "deleted")
            if current.get("topic_id") != self._description.get("topic_id"):
                raise TopicChangedError(self._topic, "recreated")
            offsets = partition_offsets(self._admin, todo)
        except KafkaError as error:
            silence: Exception = error
            return silence
        for partition in todo:
            progress, now = self._progress[partition], offsets[partition]
            if now.end < progress.target:
                raise TopicChangedError(self._topic, "truncated")
            if now.beginning > progress.position:
                raise RecordsDeletedError(
                    self._topic, partition.partition, progress.position, now.beginning
                )
        return offsets

    def _describe(self) -> dict[str, Any]:
        deadline = time.monotonic() + UNKNOWN_TOPIC_SECONDS
        while (found := self._look_up()) is None:
            if time.monotonic() >= deadline:
                raise UnknownTopicError(self._topic)
            time.sleep(0.05)
        return found

    def _look_up(self) -> dict[str, Any] | None:
        from kafka.errors import for_code

        (found,) = self._admin.describe_topics([self._topic])
        error = for_code(found["error_code"])
        if error.__name__ in (
            "UnknownTopicOrPartitionError",
            "InvalidTopicError",
            "LeaderNotAvailableError",
        ):
            return None
        if found["error_code"]:
            raise error(f"describing topic {self._topic!r}")
        return dict(found)

    def _partition(self, number: int) -> Any:
        from kafka import TopicPartition

        return TopicPartition(self._topic, number)


@contextmanager
def _consumer(bootstrap_servers: str, isolation: Isolation) -> Iterator[KafkaConsumer]:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level=isolation,
        auto_offset_reset="none",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=8 << 20,
        **_supported(
            KafkaConsumer, allow_auto_create_topics=False, bootstrap_timeout_ms=10_000
        ),
    )
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)


def _to_batch(records: list[Any]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [
        [record.partition for record in records],
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.timestamp_type for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [
            [{"key": key, "value": value} for key, value in record.headers]
            for record in records
        ],
    ]
    schema = read_schema()
    return pa.record_batch(
        [
            pa.array(column, field.type)
            for column, field in zip(columns, schema, strict=True)
        ],
        schema=schema,
    )
