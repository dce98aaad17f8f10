"""`KafkaUtils`: Kafka for PySpark tests, with the API of Apache Spark's
KAFKA_TESTING.md.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock, assertions, reading, streaming, waiting
from spark_kafka_testkit.access import Access, SparkOptions
from spark_kafka_testkit.brokers import (
    Broker,
    BrokerSettings,
    choose_backend,
    choose_reuse,
    start_broker,
)
from spark_kafka_testkit.clients import Client, Written
from spark_kafka_testkit.clients.choice import Clients
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.messages import batches
from spark_kafka_testkit.offsets import (
    Bound,
    Isolation,
    Mark,
    PartitionOffsets,
    ReadQuery,
    UpTo,
)
from spark_kafka_testkit.reading import Decoding, ReadOptions, RecordStream
from spark_kafka_testkit.records import Record, Records
from spark_kafka_testkit.serde import Deserializer, Serializer

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient, KafkaProducer
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Unpack

__all__ = ["KafkaUtils"]

log = logging.getLogger("spark_kafka_testkit")


class KafkaUtils:
    """A Kafka broker for tests, and what a test does with it.

    ::

        with KafkaUtils() as kafka:
            kafka.create_topics(["events"])
            kafka.send_messages("events", [("user1", "login")])
            assert kafka.get_all_records(spark, "events") == {"user1": "login"}

    Records go through a helper in Spark's JVM where the active classic session has it
    (`spark_conf`, `attach`), else through the helper in a small JVM of the kit's own,
    else through kafka-python, with the same results; `client` says which.

    Args:
        kafka_version: the version of Confluent's Kafka image, for the container
            backend.
        backend: `"container"`, `"embedded"`, `"external"`, or `"auto"` (the default): a
            container where a Docker daemon answers, else the embedded broker. Without
            it, SPARK_KAFKA_TESTKIT_BACKEND decides.
        bootstrap_servers: the address of a broker that runs already; the kit deletes no
            topic there that it did not create. Without it,
            SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS may give one.
        image: a Docker image for the container backend instead of Confluent's, for
            example `apache/kafka:4.1.0`.
        startup_timeout: seconds until a broker of ours must answer; a pull is not
            counted.
        broker_config: Kafka's own settings for a broker of ours, by their names.
        environment: variables for the container.
        network: a Docker network for the container, by name or as testcontainers'
            `Network`; other containers in it reach the broker at `network_broker`.
        network_alias: the container's name in that network.
        reuse: take the broker that `spark-kafka-testkit up` or an earlier run left,
            its topics removed, or start one; and leave it running, for 8 hours after
            its last use. It serves one run at a time: another gets one of its own.
            Without it, SPARK_KAFKA_TESTKIT_REUSE=1 decides.
        client_config: how clients reach the broker at `bootstrap_servers`: settings of
            Kafka's Java clients, by their names, for example `security.protocol`. All
            that the kit does with the broker goes by them; Spark gets them by
            `spark_options()`.
        topic_prefix: for a cluster that others use too: what the names of all topics
            begin with that this object creates. `topic("events")` gives such a name.

    Raises:
        TypeError, ValueError: an argument that can't be used; an unknown backend, or
            one that does not go with the address.
    """

    def __init__(
        self,
        kafka_version: str = "7.4.0",
        *,
        backend: str | None = None,
        bootstrap_servers: str | None = None,
        image: str | None = None,
        startup_timeout: float = 120,
        broker_config: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        network: Any = None,
        network_alias: str = "kafka",
        reuse: bool | None = None,
        client_config: Mapping[str, Any] | None = None,
        topic_prefix: str | None = None,
    ) -> None:
        self.kafka_version = kafka_version
        self._settings = BrokerSettings(
            kafka_version=kafka_version,
            image=image,
            startup_timeout=startup_timeout,
            broker_config=dict(broker_config or {}),
            environment=dict(environment or {}),
            network=network,
            network_alias=network_alias,
            reuse=choose_reuse(reuse),
        )
        self._backend, self._bootstrap_servers = choose_backend(
            backend, bootstrap_servers
        )
        self._client_config = dict(Access("", client_config or {}).client_config)
        if client_config and self._backend != "external":
            raise ValueError(
                "client_config is for a broker that runs already: give its address as "
                "bootstrap_servers=..., or leave client_config out"
            )
        self._prefix = ""
        if topic_prefix is not None:
            _check_topic(topic_prefix, "topic_prefix")
            self._prefix = f"{topic_prefix}-{uuid.uuid4().hex[:8]}-"
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._broker: Broker | None = None
        self._pid = os.getpid()
        self._clients: Clients | None = None
        self._producer: KafkaProducer | None = None
        self._admin_client: KafkaAdminClient | None = None
        self._created: set[str] = set()
        self._known: set[str] = set()

    # Life cycle

    @property
    def initialized(self) -> bool:
        """Whether there is a broker: after `setup()`, until `teardown()`."""
        return self._broker is not None and self._pid == os.getpid()

    def setup(self) -> None:
        """Starts the broker, or finds the external one. A second call does nothing.

        Raises:
            ImportError: a Python package that the backend needs is not installed.
            RuntimeError: no broker came up; the text tells why.
        """
        from spark_kafka_testkit.clients._kafka import (
            preload,
            require_kafka_python,
        )

        with self._lock:
            if self.initialized:
                return
            require_kafka_python()
            if not self._settings.reuse:  # else there is likely no start to wait for
                preload()
            self._forget()
            self._broker = self._start()
            atexit.register(self.teardown)
            log.info("broker: %s", self._broker.describe())
            _look_around()

    def _start(self) -> Broker:
        access = None
        if self._bootstrap_servers is not None:
            access = Access(self._bootstrap_servers, self._client_config)
        return start_broker(self._backend, access, self._settings)

    def teardown(self) -> None:
        """Closes the clients and ends the broker. Safe at any time, and more than once;
        a step that fails is logged.

        On an external broker the topics that this object created are deleted first.
        """
        with self._lock:
            if self._broker is None or self._pid != os.getpid():
                return
            broker = self._broker
            if broker.backend == "external" and self._created:
                self._attempt(
                    "deleting the kit's topics",
                    lambda: self.delete_topics(sorted(self._created)),
                )
            for client in self._made_clients():
                self._attempt(f"closing the {client.name} client", client.close)
            if self._producer is not None:
                producer = self._producer
                self._attempt("closing the producer", lambda: producer.close(timeout=1))
            if self._admin_client is not None:
                self._attempt("closing the admin client", self._admin_client.close)
            self._attempt("stopping the broker", broker.stop)
            self._forget()
            atexit.unregister(self.teardown)

    def _made_clients(self) -> list[Client]:
        return self._clients.made() if self._clients is not None else []

    @staticmethod
    def _attempt(what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  the next step must run whatever this one does
            log.warning(
                "teardown: %s failed: %s: %s", what, type(error).__name__, error
            )

    def __enter__(self) -> KafkaUtils:
        self.setup()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.teardown()

    def __repr__(self) -> str:
        state = "not set up" if self._broker is None else self._broker.describe()
        return f"<KafkaUtils: {state}>"

    # What there is

    @property
    def broker(self) -> str:
        """The bootstrap servers, for example `127.0.0.1:19092`.

        Raises:
            RuntimeError: before `setup()`.
        """
        return self._running("broker").bootstrap_servers

    @property
    def backend(self) -> str:
        """Where the broker comes from: `"container"`, `"embedded"` or `"external"`."""
        return self._running("backend").backend

    @property
    def network_broker(self) -> str | None:
        """The broker's address for other containers of its Docker `network`, for
        example `kafka:9092`; None for a broker that is in none.
        """
        return getattr(self._running("network_broker"), "network_broker", None)

    @property
    def producer(self) -> KafkaProducer:
        """A `kafka.KafkaProducer` that encodes keys and values as `send_messages` does;
        made at the first use.
        """
        from spark_kafka_testkit.clients._kafka import make_producer

        with self._lock:
            access = self._access("producer")
            if self._producer is None:
                self._producer = make_producer(access)
            return self._producer

    @property
    def admin_client(self) -> KafkaAdminClient:
        """A `kafka.KafkaAdminClient`; made at the first use."""
        from spark_kafka_testkit.clients._kafka import make_admin

        with self._lock:
            access = self._access("admin_client")
            if self._admin_client is None:
                self._admin_client = make_admin(access)
            return self._admin_client

    @property
    def client(self) -> str:
        """What moves the records now: `"jvm"`, the helper in the JVM of the active
        Spark session or in one of the kit's own, or `"kafka-python"`.
        """
        return self._client("client").name

    def spark_options(self) -> SparkOptions:
        """What Spark's Kafka source and sink need to reach the broker, for
        `.options(**kafka.spark_options())`: its address, and `client_config`, each name
        after `kafka.`; and a `fetch.max.wait.ms` of 10 unless `client_config` has one,
        which takes half a second off every batch that reads a topic to its end. A dict,
        whose repr hides secrets.
        """
        return self._access("spark_options()").for_spark()

    # Topics

    def topic(self, name: str) -> str:
        """The name to use for a topic of this object: with `topic_prefix` the prefix,
        eight characters of this object's own, and the name; else the name as it is.
        """
        _check_topic(name, "name")
        return f"{self._prefix}{name}"

    def create_topics(
        self,
        topic_names: Sequence[str],
        num_partitions: int = 1,
        replication_factor: int = 1,
    ) -> None:
        """Creates topics and returns when they can be used: each partition has a leader
        and answers for its offsets.

        A topic that exists with the same number of partitions is no error.

        Raises:
            TopicExistsError: (a ValueError) one exists with another number of
                partitions.
            TopicError: (a RuntimeError) the broker refused one, or one was not ready in
                time.
            TypeError, ValueError: an argument that can't be used.
        """
        from spark_kafka_testkit import topics

        names = _topic_names(topic_names)
        self._check_prefix(names)
        _check_positive(num_partitions, "num_partitions")
        _check_positive(replication_factor, "replication_factor")
        with self._lock:
            self._running("create_topics()")
            created = topics.create_topics(
                self.admin_client, names, num_partitions, replication_factor
            )
            self._created.update(created)
            self._known.update(names)

    def delete_topics(self, topic_names: Sequence[str]) -> None:
        """Deletes topics and returns when they are gone. Unknown ones are ignored; stop
        what still uses them first.

        Raises:
            TopicError: (a RuntimeError) the broker refused, or one was still there in
                time.
            ValueError: on an external broker, a topic that this object did not create.
        """
        from spark_kafka_testkit import topics
        from spark_kafka_testkit.clients._kafka import forget_topics

        names = _topic_names(topic_names)
        with self._lock:
            if self._running("delete_topics()").backend == "external":
                self._check_own(names)
            topics.delete_topics(self.admin_client, names)
            if self._producer is not None:
                forget_topics(self._producer, names)
            for client in self._made_clients():
                client.forget(names)
            self._created.difference_update(names)
            self._known.difference_update(names)

    def _check_prefix(self, names: Sequence[str]) -> None:
        for name in names:
            if not name.startswith(self._prefix):
                raise ValueError(
                    f"Topic {name!r} does not begin with {self._prefix!r}, as all "
                    "topics of this KafkaUtils do, because of its topic_prefix. "
                    f"Write kafka.topic({name!r})."
                )

    def _check_own(self, names: Sequence[str]) -> None:
        from spark_kafka_testkit.topics import existing

        others = [
            name
            for name in existing(self.admin_client, names)
            if name not in self._created
        ]
        if others:
            raise ValueError(
                f"Topics {others} were not created by this KafkaUtils, and on an "
                "external broker it deletes no others. "
                "If they are yours, use admin_client.delete_topics()."
            )

    # Records

    def send_messages(
        self,
        topic: str,
        messages: Any,
        *,
        key_serializer: Serializer | None = None,
        value_serializer: Serializer | None = None,
        transactional: bool = False,
    ) -> dict[int, Written]:
        """Sends messages and returns when all of them are acknowledged by all replicas.

        A topic that does not exist is created with one partition, except on an external
        broker, where that is the broker's to decide.

        Args:
            topic: the topic.
            messages: (key, value) pairs, or `Record`s (and what looks like them) whose
                partition, timestamp and headers are obeyed, in any iterable, which is
                drawn a few thousand at a time; or a table (pyarrow, pandas, Polars)
                with the column `value`, and `key`, `partition`, `timestamp`
                (milliseconds, or a timestamp) and `headers` as wanted.
            key_serializer, value_serializer: a name of
                `spark_kafka_testkit.serde.SERIALIZERS`, or a callable to bytes. Without
                one `None` stays null, bytes go as they are, a str is UTF-8, anything
                else is `str(item)` in UTF-8.
            transactional: all in one transaction: none is visible unless all are. On
                return they are visible.

        Returns:
            What was written: per partition the count, the first and the last offset.

        Raises:
            SendError: (a RuntimeError) some were not acknowledged; it names each with
                its cause. A transaction was aborted then.
            UnknownTopicError: (a LookupError) the topic does not exist on an external
                broker, which does not create it.
            SerializationError: (a ValueError) a key or value that can't be serialized.
            TypeError, ValueError: an argument that can't be used; of a list nothing was
                sent then.
        """
        _check_topic(topic)
        _clock.load_arrow()
        encoded = batches(messages, key_serializer, value_serializer)
        self._ensure_topic(topic)
        report = self._client("send_messages()").send(topic, encoded, transactional)
        report.raise_unless_complete(topic)
        return report.written

    def _ensure_topic(self, topic: str) -> None:
        """Creates a missing topic on a broker of ours, which creates none by itself."""
        from spark_kafka_testkit.topics import existing

        with self._lock:
            if (
                topic in self._known
                or self._running("send_messages()").backend == "external"
            ):
                return
            if not existing(self.admin_client, [topic]):
                log.info(
                    "topic %r did not exist: it is created, with one partition", topic
                )
                self.create_topics([topic])
            self._known.add(topic)

    def get_all_records(
        self,
        spark: SparkSession | None,
        topic: str,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> dict[Any, Any]:
        """The latest value of each key: exactly what the topic holds up to its end at
        the moment of the call, read_committed.

        It takes no Spark task slot. A tombstone shows as `None`. Latest is by offset;
        for a key that lies in several partitions by timestamp, then partition.

        Args:
            spark: the session whose JVM is to read; `None` reads by the active one, or
                by kafka-python.
            topic: the topic.
            key_deserializer, value_deserializer: a name of
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable from bytes.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
            ReadTimeoutError: (a TimeoutError) no progress for 60 s, for example behind
                an open transaction.
            ReadError: (a RuntimeError) the range can't be had any more.
            DeserializationError: (a ValueError) bytes that don't decode; it names the
                record.
        """
        _check_topic(topic)
        decoding = Decoding(key_deserializer, value_deserializer)
        client = self._client("get_all_records()", spark)
        return reading.read_latest(client, ReadQuery(topic), decoding)

    def read_records(
        self,
        topic: str,
        start: Bound | Mark = "earliest",
        end: Bound | Mark = "latest",
        *,
        partitions: Sequence[int] | None = None,
        isolation: Isolation = "read_committed",
        upto: UpTo = "end",
        allow_deleted: bool = False,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
        timeout: float = 60,
    ) -> Records:
        """The records of a topic between `start` and `end`: exactly those, partition by
        partition in the order of offsets; or an error, never a short list.

        Args:
            topic: the topic.
            start, end: `"earliest"`, `"latest"`; a time (a `datetime`, or milliseconds
                since the epoch): the first record at or after it; a dict of offsets by
                partition, where one left out is earliest for `start` and latest for
                `end`; or a `Mark`. `end` is exclusive, and captured once, at the call.
            partitions: only these.
            isolation: `"read_committed"` leaves out aborted transactions and waits for
                open ones; `"read_uncommitted"` gives all.
            upto: `"end"`, the high watermark; or `"stable"`: no further than the oldest
                open transaction, without waiting for it.
            allow_deleted: where records of the range were deleted (retention,
                DeleteRecords), go on with what is left; `coverage` says how many
                offsets are missing.
            key_deserializer, value_deserializer: a name of
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable from bytes.
            timeout: seconds without progress after which it gives up.

        Returns:
            A list of `Record`, with the coverage of each partition as `.coverage`.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
            OffsetRangeError: (a ValueError) a partition that does not exist, an offset
                past the end.
            ReadTimeoutError: (a TimeoutError) no progress for `timeout`, for example
                behind an open transaction, which it names.
            RecordsDeletedError, TopicChangedError: (ReadErrors) the range can't be had.
            DeserializationError: (a ValueError) bytes that don't decode; it names the
                record.
            TypeError, ValueError: an argument that can't be used.
        """
        _check_topic(topic)
        wanted, decoding = reading.wanted(
            topic,
            start,
            end,
            partitions=partitions,
            isolation=isolation,
            upto=upto,
            allow_deleted=allow_deleted,
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
            timeout=timeout,
        )
        return reading.read_records(self._client("read_records()"), wanted, decoding)

    def iter_records(
        self,
        topic: str,
        start: Bound | Mark = "earliest",
        end: Bound | Mark = "latest",
        **options: Unpack[ReadOptions],
    ) -> RecordStream:
        """What `read_records` gives, one by one as it comes, with a few batches in
        memory: per partition in the order of offsets, the partitions mixed. The range
        is captured at the call; errors of the read come where they are met. The options
        are those of `read_records`.

        Returns:
            An iterator of `Record`, whose `.coverage` is known at its end. Close it, or
            use it in a `with`, where it is not drawn to its end.
        """
        _check_topic(topic)
        wanted, decoding = reading.wanted(topic, start, end, **options)
        read = self._client("iter_records()").read(wanted)
        return RecordStream(read, topic, decoding)

    def read_arrow(
        self,
        topic: str,
        start: Bound | Mark = "earliest",
        end: Bound | Mark = "latest",
        **options: Unpack[ReadOptions],
    ) -> pa.Table:
        """What `read_records` gives, as an Arrow table: from there `.to_pandas()`,
        `polars.from_arrow(...)`, or `spark.createDataFrame(...)`. The options are those
        of `read_records`.

        Returns:
            A table with the columns `key`, `value` (of the types in
            `spark_kafka_testkit.serde.ARROW_TYPES`, else what Arrow makes of what the
            deserializers give), `partition` (int32), `offset` (int64), `timestamp`
            (milliseconds, UTC), `timestamp_type` (int8: 0 create, 1 log append) and
            `headers` (a list of `key` and `value`). The coverage is in its metadata.

        Raises:
            TypeError: what the deserializers give is not of one Arrow type.
        """
        _check_topic(topic)
        wanted, decoding = reading.wanted(topic, start, end, **options)
        return reading.read_arrow(self._client("read_arrow()"), wanted, decoding)

    def offsets(self, topic: str) -> dict[int, PartitionOffsets]:
        """Where a topic stands: per partition its beginning, end (the high watermark)
        and last stable offset.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
        """
        _check_topic(topic)
        return self._client("offsets()").capture(topic).partitions

    def mark(self, topic: str) -> Mark:
        """The topic's end now; `records_since` it are those that appear later.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
        """
        _check_topic(topic)
        return reading.mark(self._client("mark()"), topic)

    def records_since(self, mark: Mark, **options: Unpack[ReadOptions]) -> Records:
        """What appeared in the topic since the mark was taken, up to its end now: what
        `read_records` gives with the mark as `start`, and with the same options.

        Raises:
            TopicChangedError: (a ReadError) the topic was recreated since.
        """
        if not isinstance(mark, Mark):
            raise TypeError(
                f"mark must be what mark(topic) gave, not {type(mark).__name__}"
            )
        wanted, decoding = reading.wanted(mark.topic, mark, "latest", **options)
        return reading.read_records(self._client("records_since()"), wanted, decoding)

    # Waiting

    def assert_eventually(
        self,
        result_func: Callable[[], Any],
        expected: Any,
        timeout: float = 60,
        interval: float = 1.0,
        *,
        query: StreamingQuery | None = None,
        retry_on: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> None:
        """See `spark_kafka_testkit.assertions.assert_eventually`."""
        assertions.assert_eventually(
            result_func, expected, timeout, interval, query=query, retry_on=retry_on
        )

    def wait_for_records(
        self,
        topic: str,
        count: int = 1,
        predicate: Callable[[Record], Any] | None = None,
        *,
        key: Any = None,
        value: Any = None,
        headers: Mapping[str, bytes | None] | None = None,
        since: Mark | None = None,
        timeout: float = 60,
        query: StreamingQuery | None = None,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> list[Record]:
        """Waits until a topic has records that are wanted, committed, and returns them
        at once: the broker wakes it. It takes no Spark task slot, and is the wait for a
        query in real-time or continuous mode, on its sink topic.

        Args:
            topic: the topic; it must exist.
            count: how many records are wanted.
            predicate: takes a `Record` and says whether it is wanted.
            key, value: only records that have these, as the deserializers give them.
            headers: only records that have these headers, and maybe others.
            since: only records behind this mark; without it, all of the topic.
            timeout: seconds.
            query: the query that writes them: when it has died, or ended without them,
                the wait is over.
            key_deserializer, value_deserializer: a name of
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable from bytes.

        Returns:
            The first `count` of them in the order in which they came.

        Raises:
            WaitError: (an AssertionError) they did not come in time; the text says what
                was wanted, how many there were, and the last one that was looked at.
            StreamingQueryException: the query's own, where it has died.
            UnknownTopicError: (a LookupError) the topic does not exist.
            RecordsDeletedError, TopicChangedError: (ReadErrors) records went, or the
                topic.
            DeserializationError: (a ValueError) bytes that don't decode.
            TypeError, ValueError: an argument that can't be used.
        """
        _check_topic(topic)
        wanted, decoding = reading.wanted(
            topic,
            "earliest" if since is None else since,
            "latest",
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
        )
        return waiting.wait_for_records(
            self._client("wait_for_records()"),
            wanted,
            decoding,
            waiting.Wanted(count, predicate, key, value, headers),
            timeout,
            query,
        )

    def wait_for_query_alive(
        self, query: StreamingQuery, timeout: float = 60, interval: float = 1.0
    ) -> None:
        """See `spark_kafka_testkit.streaming.wait_for_query_alive`."""
        streaming.wait_for_query_alive(query, timeout, interval)

    def wait_until_processed(
        self, query: StreamingQuery, topic: str | None = None, timeout: float = 60
    ) -> None:
        """See `spark_kafka_testkit.streaming.wait_until_processed`."""
        if topic is not None:
            _check_topic(topic)
        streaming.wait_until_processed(self, query, topic, timeout)

    # Queries

    def lag(self, query: StreamingQuery) -> dict[str, dict[int, int]]:
        """See `spark_kafka_testkit.streaming.lag`."""
        return streaming.lag(self, query)

    def run_stream(
        self,
        df: DataFrame,
        topic: str | None = None,
        **options: Unpack[streaming.StreamOptions],
    ) -> streaming.StreamRun:
        """See `spark_kafka_testkit.streaming.run_stream`."""
        return streaming.run_stream(self, df, topic, **options)

    @staticmethod
    def stop_queries(spark: SparkSession) -> None:
        """See `spark_kafka_testkit.streaming.stop_queries`."""
        streaming.stop_queries(spark)

    # Spark

    @staticmethod
    def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
        """See `spark_kafka_testkit.spark.spark_conf`."""
        from spark_kafka_testkit import spark

        return spark.spark_conf(conf)

    @staticmethod
    def attach(spark: SparkSession) -> None:
        """See `spark_kafka_testkit.spark.attach`."""
        from spark_kafka_testkit.spark import attach

        attach(spark)

    # Inside

    def _running(self, caller: str) -> Broker:
        _clock.load_arrow()
        if self._broker is None:
            raise NotSetUpError(
                f"KafkaUtils is not set up: {caller} needs a broker. Call setup() "
                "first."
            )
        if self._pid != os.getpid():
            raise NotSetUpError(
                f"KafkaUtils was set up in process {self._pid}, and {caller} was "
                f"called in its child {os.getpid()}: connections do not "
                "survive a fork. Make a KafkaUtils(bootstrap_servers=...) in the child."
            )
        return self._broker

    def _access(self, caller: str) -> Access:
        return Access(self._running(caller).bootstrap_servers, self._client_config)

    def _client(self, caller: str, spark: SparkSession | None = None) -> Client:
        with self._lock:
            access = self._access(caller)
            if self._clients is None:
                self._clients = Clients(access)
            return self._clients.choose(spark)


def _look_around() -> None:
    """Warns of what does not go together, where a look takes milliseconds."""
    from spark_kafka_testkit import _gateway, preflight

    found = preflight.check_packages()
    session = _gateway.active_session()
    if session is not None:
        found += preflight.mismatches(session)
    preflight.warn(found)


def _check_topic(topic: str, name: str = "topic") -> None:
    if not isinstance(topic, str):
        raise TypeError(f"{name} must be a str, not {type(topic).__name__}")
    if not topic:
        raise ValueError(f"{name} must not be empty")


def _topic_names(topic_names: Sequence[str]) -> list[str]:
    if isinstance(topic_names, (str, bytes)):
        raise TypeError(
            f"topic_names must be a list of names, not a {type(topic_names).__name__}; "
            f"write [{topic_names!r}]"
        )
    if not isinstance(topic_names, Iterable):
        raise TypeError(
            f"topic_names must be a list of names, not {type(topic_names).__name__}"
        )
    names = list(topic_names)
    for name in names:
        _check_topic(name)
    return names


def _check_positive(value: int, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, and is {value}")
