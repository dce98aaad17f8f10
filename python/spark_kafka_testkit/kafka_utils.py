"""`KafkaUtils`: Kafka for PySpark tests, with the API of Apache Spark's
KAFKA_TESTING.md.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments, preflight
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._brokers.broker import Broker, BrokerSettings
from spark_kafka_testkit._brokers.choice import choose_backend, start_broker
from spark_kafka_testkit._cluster import Cluster, OnUse
from spark_kafka_testkit._invariance.check import CheckOptions, check_stream
from spark_kafka_testkit._invariance.search import StreamReport
from spark_kafka_testkit._jvm.spark_jvm import active_queries, active_session
from spark_kafka_testkit._kafka_python.compat import preload, require_kafka_python
from spark_kafka_testkit._kept.reuse import choose_reuse
from spark_kafka_testkit._model.client_config import ClientConfig, checked_settings
from spark_kafka_testkit._model.offsets import (
    Bound,
    Isolation,
    Mark,
    PartitionOffsets,
    ReadRequest,
    UpTo,
)
from spark_kafka_testkit._model.records import Record, Records
from spark_kafka_testkit._model.secret import hidden
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit._reads import results
from spark_kafka_testkit._reads.results import ReadOptions, RecordStream
from spark_kafka_testkit._report.shown import QueryReport, report
from spark_kafka_testkit._spark import conf as spark
from spark_kafka_testkit._spark import sources
from spark_kafka_testkit._spark.attach import attach
from spark_kafka_testkit._spark.session import session
from spark_kafka_testkit._streams.follow import FollowedQuery
from spark_kafka_testkit._streams.run import StreamOptions, StreamRun, stop_queries
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits import arrival, eventually
from spark_kafka_testkit._waits import queries as wait
from spark_kafka_testkit._waits.causes import causes
from spark_kafka_testkit._waits.checkpoint import wait_for_checkpoint
from spark_kafka_testkit._waits.clock import choose_factor
from spark_kafka_testkit.errors import NotSetUpError
from spark_kafka_testkit.serde import Deserializer, Serializer

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient, KafkaProducer
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Unpack

__all__ = ["KafkaUtils", "cluster_of", "observe"]

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

    What can't be used is a TypeError or a ValueError that names the argument, before
    anything is sent or made. So are names that Kafka allows no topic to have, in each
    call that takes one: 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and
    neither '.' nor '..'.

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
        timeout_factor: what all time-outs of this object's calls are multiplied by, for
            slow machines, `startup_timeout` among them. Without it
            SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR decides, else it is 1.

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
        timeout_factor: float | None = None,
    ) -> None:
        client_config = hidden(client_config)  # before pytest can show it
        self._cluster: Cluster | None = None  # before it can ask for a repr
        self._timeout_factor = choose_factor(timeout_factor)
        self.kafka_version = kafka_version
        self._settings = BrokerSettings(
            kafka_version=kafka_version,
            image=image,
            startup_timeout=startup_timeout,
            broker_config={} if broker_config is None else broker_config,
            environment={} if environment is None else environment,
            network=network,
            network_alias=network_alias,
            reuse=choose_reuse(reuse),
        )
        self._settings = replace(
            self._settings,
            startup_timeout=self._seconds("startup_timeout", startup_timeout),
        )
        self._backend, self._bootstrap_servers = choose_backend(
            backend, bootstrap_servers
        )
        self._client_config = checked_settings(
            {} if client_config is None else client_config
        )
        if self._client_config and self._backend != "external":
            raise ValueError(
                "client_config is for a broker that runs already: give its address as "
                "bootstrap_servers=..., or leave client_config out"
            )
        self._prefix = ""
        if topic_prefix is not None:
            _arguments.topic("topic_prefix", topic_prefix)
            self._prefix = f"{topic_prefix}-{uuid.uuid4().hex[:8]}-"
            # is there room for a name?
            _arguments.topic("topic_prefix and what follows it", f"{self._prefix}t")
        self._lock = threading.RLock()
        self._on_use: list[OnUse] = []
        self._blocks = 0  # how many `with` statements it is in
        self._pid = os.getpid()
        _every.add(self)

    # Life cycle

    @property
    def initialized(self) -> bool:
        """Whether there is a broker: after `setup()`, until `teardown()`, or until a
        broker of the kit's has ended by itself.
        """
        cluster = self._cluster
        return (
            cluster is not None
            and self._pid == os.getpid()
            and not cluster.broker.ended
        )

    def setup(self) -> None:
        """Starts the broker, or finds the external one. A second call does nothing, as
        long as the broker runs; where it has ended by itself another is started.

        Raises:
            ImportError: a Python package that the backend needs is not installed.
            RuntimeError: no broker came up; the text tells why.
        """
        with self._lock:
            if self.initialized:
                return
            self.teardown()
            require_kafka_python()
            if not self._settings.reuse:  # else there is likely no start to wait for
                preload()
            broker = self._start()
            self._cluster = Cluster(broker, self._client_config, self._on_use)
            self._pid = os.getpid()
            atexit.register(self.teardown)
            log.info("broker: %s", broker.describe())
            _look_around()

    def _start(self) -> Broker:
        config = None
        if self._bootstrap_servers is not None:
            config = ClientConfig(self._bootstrap_servers, self._client_config)
        return start_broker(self._backend, config, self._settings)

    def teardown(self) -> None:
        """Closes the clients and ends the broker. Safe at any time, and more than once;
        a step that fails is logged.

        On an external broker the topics that this object created are deleted first.
        """
        if self._pid != os.getpid():
            return  # its parent's, whose lock a thread of it may have held
        with self._lock:
            self._blocks = 0
            if self._cluster is None:
                return
            self._cluster.close()
            self._cluster = None
            atexit.unregister(self.teardown)

    def __enter__(self) -> KafkaUtils:
        with self._lock:
            self.setup()
            self._blocks += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks <= 0:  # the outermost
                self.teardown()

    def __repr__(self) -> str:
        cluster = self._cluster
        state = "not set up" if cluster is None else cluster.broker.describe()
        return f"<KafkaUtils: {state}>"

    # What there is

    @property
    def broker(self) -> str:
        """The bootstrap servers, for example `127.0.0.1:19092`.

        Raises:
            RuntimeError: before `setup()`.
        """
        return self._set_up("broker").broker.bootstrap_servers

    @property
    def backend(self) -> str:
        """Where the broker comes from: `"container"`, `"embedded"` or `"external"`."""
        return self._set_up("backend").broker.backend

    @property
    def network_broker(self) -> str | None:
        """The broker's address for other containers of its Docker `network`, for
        example `kafka:9092`; None for a broker that is in none.
        """
        return self._set_up("network_broker").broker.network_broker

    @property
    def producer(self) -> KafkaProducer:
        """A `kafka.KafkaProducer` that encodes keys and values as `send_messages` does;
        made at the first use.
        """
        return self._set_up("producer").producer

    @property
    def admin_client(self) -> KafkaAdminClient:
        """A `kafka.KafkaAdminClient`; made at the first use."""
        return self._set_up("admin_client").admin_client

    @property
    def client(self) -> str:
        """What moves the records now: `"jvm"`, the helper in the JVM of the active
        Spark session or in one of the kit's own, or `"kafka-python"`.
        """
        return self._set_up("client").client().name

    def spark_options(self) -> dict[str, str]:
        """What Spark's Kafka source and sink need to reach the broker, for
        `.options(**kafka.spark_options())`: its address, and `client_config`, each name
        after `kafka.`; and a `fetch.max.wait.ms` of 10 unless `client_config` has one,
        which takes half a second off every batch that reads a topic to its end. No repr
        of it, or of what is made of it, shows a secret.

        On Databricks, whose connector has Kafka's classes below `kafkashaded.`, those
        that the settings name get that prefix, the login module of `sasl.jaas.config`
        among them.
        """
        return self._set_up("spark_options()").spark_options()

    # Topics

    def topic(self, name: str) -> str:
        """The name to use for a topic of this object: with `topic_prefix` the prefix,
        eight characters of this object's own, and the name; else the name as it is.

        Raises:
            TypeError, ValueError: a name that Kafka allows no topic to have; the whole
                of it counts.
        """
        _arguments.topic("name", name)
        return _arguments.topic("name with topic_prefix", f"{self._prefix}{name}")

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
            TopicError: (a RuntimeError) the broker refused some, which it names, and
                created the others; or one was not ready in time.
            TypeError, ValueError: an argument that can't be used, a name that Kafka
                allows no topic to have among them; nothing is created then.
        """
        names = _arguments.topics("topic_names", topic_names)
        _check_apart(names)
        self._check_prefix(names)
        partitions = _arguments.whole(
            "num_partitions", num_partitions, 1, _arguments.INT_MAX
        )
        replicas = _arguments.whole(
            "replication_factor", replication_factor, 1, _arguments.SHORT_MAX
        )
        self._set_up("create_topics()").create_topics(names, partitions, replicas)

    def delete_topics(self, topic_names: Sequence[str]) -> None:
        """Deletes topics and returns when they are gone. Unknown ones are ignored; stop
        what still uses them first.

        Raises:
            TopicError: (a RuntimeError) the broker refused some, which it names, and
                deleted the others; or one was still there in time.
            TypeError, ValueError: an argument that can't be used; on an external
                broker, a topic that this object did not create.
        """
        names = _arguments.topics("topic_names", topic_names)
        self._set_up("delete_topics()").delete_topics(names)

    def _check_prefix(self, names: Sequence[str]) -> None:
        for name in names:
            if not name.startswith(self._prefix):
                raise ValueError(
                    f"Topic {name!r} does not begin with {self._prefix!r}, as all "
                    "topics of this KafkaUtils do, because of its topic_prefix. "
                    f"Write kafka.topic({name!r})."
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

        Messages are serialized a batch of 16,384 at a time, while those before are
        sent. Where that fails, nothing was sent if it is in the first batch; else a
        note of the error says how many were. Give `transactional` for all or nothing.

        Args:
            topic: the topic.
            messages: (key, value) pairs, or `Record`s (and what looks like them) whose
                partition, timestamp and headers are obeyed, in any iterable, which is
                drawn a few thousand at a time; or a table (pyarrow, pandas, Polars)
                with the column `value`, and `key`, `partition`, `timestamp`
                (milliseconds, or a timestamp) and `headers` as wanted.
            key_serializer, value_serializer: a name of
                `spark_kafka_testkit.serde.SERIALIZERS`, or a callable to bytes. Without
                one `None` stays null, bytes go as they are, a str is UTF-8, a value
                with parts (dict, list, dataclass, pydantic model, `Row`) is JSON, and
                anything else is `str(item)` in UTF-8. In JSON dates and times are ISO
                8601, a `Decimal` is text. Of a table text, bytes and numbers are
                taken, and as values structs and lists.
            transactional: all in one transaction: none is visible unless all are. On
                return they are visible.

        Returns:
            What was written: per partition the count, the first and the last offset.

        Raises:
            SendError: (a RuntimeError) some were not acknowledged; it names each with
                its cause. A transaction was aborted then. Where the broker dies, or
                does not answer for 12 s, the rest is not sent.
            BrokerUnreachableError, BrokerEndedError: (RuntimeErrors) nothing was sent.
            TopicChangedError: (a RuntimeError) the topic was deleted or made again
                meanwhile; the SendError is its cause.
            UnknownTopicError: (a LookupError) the topic does not exist on an external
                broker, which does not create it.
            SerializationError: (a ValueError) a key or value that can't be serialized.
            TypeError, ValueError: an argument that can't be used; nothing was sent
                then. Or a message that is none, which a list is looked through for
                first.
        """
        _arguments.topic("topic", topic)
        _arguments.flag("transactional", transactional)
        encoded = batches(messages, key_serializer, value_serializer)
        return self._set_up("send_messages()").send(topic, encoded, transactional)

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
            TypeError, ValueError: an argument that can't be used.
        """
        if spark is not None:
            _arguments.session("spark", spark)
        _arguments.topic("topic", topic)
        decoder = Decoder(topic, key_deserializer, value_deserializer)
        cluster = self._set_up("get_all_records()")
        with cluster.suggesting():
            client = cluster.client_for(topic, spark)
            return results.read_latest(client, ReadRequest(topic), decoder)

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
        request, decoder = results.read_request(
            topic,
            start,
            end,
            partitions=partitions,
            isolation=isolation,
            upto=upto,
            allow_deleted=allow_deleted,
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
            timeout=self._seconds("timeout", timeout, positive=True),
        )
        cluster = self._set_up("read_records()")
        with cluster.suggesting():
            return results.read_records(cluster.client_for(topic), request, decoder)

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
        request, decoder = results.read_request(
            topic, start, end, **self._timed(options)
        )
        cluster = self._set_up("iter_records()")
        with cluster.suggesting():
            read = cluster.client_for(topic).read(request)
        return RecordStream(read, decoder)

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
        request, decoder = results.read_request(
            topic, start, end, **self._timed(options)
        )
        cluster = self._set_up("read_arrow()")
        with cluster.suggesting():
            return results.read_arrow(cluster.client_for(topic), request, decoder)

    def offsets(self, topic: str) -> dict[int, PartitionOffsets]:
        """Where a topic stands: per partition its beginning, end (the high watermark)
        and last stable offset.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
            TypeError, ValueError: an argument that can't be used.
        """
        _arguments.topic("topic", topic)
        cluster = self._set_up("offsets()")
        with cluster.suggesting():
            return cluster.offsets(topic)

    def mark(self, topic: str) -> Mark:
        """The topic's end now; `records_since` it are those that appear later.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist; it is not
                created.
            TypeError, ValueError: an argument that can't be used.
        """
        _arguments.topic("topic", topic)
        cluster = self._set_up("mark()")
        with cluster.suggesting():
            return results.mark(cluster.client_for(topic), topic)

    def records_since(self, mark: Mark, **options: Unpack[ReadOptions]) -> Records:
        """What appeared in the topic since the mark was taken, up to its end now: what
        `read_records` gives with the mark as `start`, and with the same options.

        Raises:
            TopicChangedError: (a ReadError) the topic was recreated since.
            TypeError, ValueError: an argument that can't be used.
        """
        results.check_mark("mark", mark)
        request, decoder = results.read_request(
            mark.topic, mark, "latest", **self._timed(options)
        )
        client = self._set_up("records_since()").client_for(mark.topic)
        return results.read_records(client, request, decoder)

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
        """Waits until `result_func` gives the expected result; fails if it does not.

        It is called at once, then at least every `interval` seconds, and a last time at
        the deadline. Where it reads topics through the kit, it is called again as soon
        as one of them holds more.

        Args:
            result_func: gives the current result.
            expected: what it must become: a value or matcher, compared with `==`, and
                besides NaN is equal to NaN, a list to a tuple of the same items, and
                arrays and frames are where their values are (docs: What is equal to
                what); or a function that takes the result and says whether it will do.
            timeout: seconds.
            interval: the longest time between two checks, in seconds.
            query: the query that the result depends on: when it has died, or ended and
                the result is still another, the wait is over.
            retry_on: exceptions of the function that mean 'not yet'. All others go
                through.

        Raises:
            WaitError: (an AssertionError) the result is still another; the text shows
                how the last one differs, the topics that were read, and the query's
                state.
            StreamingQueryException: the query's own, as soon as it has died.
            TypeError, ValueError: an argument that can't be used.
        """
        timeout = self._seconds("timeout", timeout)
        with waiting("assert_eventually"):
            eventually.assert_eventually(
                result_func,
                expected,
                timeout,
                interval,
                query=query,
                retry_on=retry_on,
                explain=lambda last: self._causes(query),
            )

    def wait_for_records(
        self,
        topic: str,
        count: int = 1,
        predicate: Callable[[Record], Any] | None = None,
        *,
        key: Any = None,
        value: Any = None,
        headers: Mapping[str, Any] | None = None,
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
            headers: only records that have these headers, and maybe others; their
                values as `send_messages` takes them. Of all three, what is equal to
                what is as for `assert_eventually`.
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
        request, decoder = results.read_request(
            topic,
            "earliest" if since is None else results.check_mark("since", since),
            "latest",
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
        )
        matcher = arrival.RecordMatcher(count, predicate, key, value, headers)
        timeout = self._seconds("timeout", timeout)
        if query is not None:
            _arguments.streaming_query("query", query)
        cluster = self._set_up("wait_for_records()")
        with cluster.suggesting(), waiting("wait_for_records"):
            client = cluster.client_for(topic)
            return arrival.wait_for_records(
                client,
                request,
                decoder,
                matcher,
                timeout,
                query,
                explain=lambda: self._causes(query),
            )

    def wait_for_query_alive(
        self, query: StreamingQuery, timeout: float = 60, interval: float = 1.0
    ) -> None:
        """Waits until a query sees all that is sent from now on, in any trigger mode.

        That is when it is active and its start offsets are pinned. A query that has
        already ended without an error (`availableNow`, `once`) is no failure.

        Args:
            query: the query.
            timeout: seconds.
            interval: the longest time between two looks at the query, in seconds.

        Raises:
            StreamingQueryException: the query's own, as soon as it has died.
            WaitError: (an AssertionError) it was not alive in time; the text has its
                status.
            UnknownTopicError: (a LookupError) a topic that it reads does not exist.
            TypeError, ValueError: an argument that can't be used.
        """
        timeout = self._seconds("timeout", timeout)
        cluster = self._cluster if self.initialized else None
        with waiting("wait_for_query_alive"):
            wait.wait_for_query_alive(query, timeout, interval, cluster=cluster)

    def wait_until_processed(
        self,
        query: StreamingQuery | None = None,
        *others: Any,
        topic: str | None = None,
        timeout: float = 60,
        checkpoint: str | Path | None = None,
        process: Any = None,
    ) -> None:
        """Waits until a query has processed what its source topics hold at the call.

        A committed batch covers it then: the sink has the result, and the checkpoint
        says so. Told by the offsets in the query's progress, partition by partition,
        for each of its Kafka sources. The end of a topic is its high watermark: an open
        transaction holds up a read_committed query, and this wait with it.

        What was processed need not have been emitted: a window in append mode comes out
        once the watermark has passed it.

        Several queries may feed one another: all that is there at the call has gone
        through all of them then.

        A job in another process is waited for by its checkpoint. Its topics are those
        that its first batch has read.

        Example:
            kafka.wait_until_processed(query)
            kafka.wait_until_processed(cleaning, counting)
            kafka.wait_until_processed(checkpoint=path, process=job)

        Args:
            query: a query in micro-batches: any trigger but real-time and continuous,
                any sink.
            *others: further queries. Or, by place, the topic and the time-out.
            topic: look at this source topic alone.
            timeout: seconds.
            checkpoint: the checkpoint location of a job, a local folder, instead.
            process: the process of that job, as `subprocess.Popen` gives it: where it
                has ended, the wait is over.

        Raises:
            StreamingQueryException: the query's own, as soon as it has died.
            WaitError: (an AssertionError) it did not come that far in time, or it ended
                before; the text says per partition where it is.
            UnknownTopicError: (a LookupError) a topic that it reads does not exist.
            ValueError: a query in real-time or continuous mode, which has no such
                progress (use `wait_for_records` on its sink topic); one that does not
                read the topic, or reads none that exists.
            TypeError: an argument that can't be used.
        """
        waited = [] if query is None else [query]
        for given in others:
            if isinstance(given, str):
                topic = given
            elif isinstance(given, (int, float)):
                timeout = given
            else:
                waited.append(given)
        if topic is not None:
            _arguments.topic("topic", topic)
        timeout = self._seconds("timeout", timeout)
        if bool(waited) == (checkpoint is not None):
            raise ValueError("Give queries, or the checkpoint of a job, and not both.")
        for one in waited:
            _arguments.streaming_query("query", one)
        cluster = self._set_up("wait_until_processed()")
        if checkpoint is not None:
            folder = _arguments.local_folder("checkpoint", checkpoint)
            if process is not None and not callable(getattr(process, "poll", None)):
                raise TypeError(
                    "process must have poll(), as a subprocess.Popen has, and is a "
                    f"{type(process).__name__}"
                )
            with waiting("wait_until_processed"):
                wait_for_checkpoint(cluster, folder, topic, timeout, process)
        else:
            with waiting("wait_until_processed"):
                wait.wait_until_processed(cluster, waited, topic, timeout)

    # Queries

    def read_stream(
        self,
        spark: SparkSession | None,
        topics: str | Sequence[str] | None,
        **options: Any,
    ) -> DataFrame:
        """A streaming DataFrame of topics, from their beginning on: what
        `spark.readStream.format("kafka")` gives with the options for this broker.

        Example:
            orders = kafka.read_stream(spark, "orders", maxOffsetsPerTrigger=1)

        Args:
            spark: the session; `None` takes the active one.
            topics: one topic, or several; `None` where the options have
                `subscribePattern` or `assign`.
            **options: further options of Spark's source, by its names. Without one
                `startingOffsets` is `"earliest"`; Spark's own default is `"latest"`.

        Raises:
            SparkSetupError: (a RuntimeError) there is no session, or it has no Kafka
                connector.
            TypeError, ValueError: an argument that can't be used.
        """
        settings = self._set_up("read_stream()").spark_options()
        return sources.read_stream(spark, topics, {**settings, **options})

    def read_batch(
        self,
        spark: SparkSession | None,
        topics: str | Sequence[str] | None,
        **options: Any,
    ) -> DataFrame:
        """The same as a batch DataFrame, of what the topics hold: what
        `spark.read.format("kafka")` gives. The arguments are those of `read_stream`.
        """
        settings = self._set_up("read_batch()").spark_options()
        return sources.read_batch(spark, topics, {**settings, **options})

    def lag(self, query: StreamingQuery) -> dict[str, dict[int, int]]:
        """How far a query is behind its source topics, in offsets.

        Per topic and partition: the offsets between what its last batch read up to and
        the topic's end. Offsets, not records: transaction markers count. Of several
        sources that read a partition, the one furthest behind counts. In real-time mode
        the last batch is the last that has ended.

        Raises:
            StreamingQueryException: the query's own, where it has died.
            WaitError: (an AssertionError) it has made no progress yet.
            ValueError: a query in continuous mode, which reports no progress, or one
                that reads no topic that exists.
            TypeError: an argument that can't be used.
        """
        _arguments.streaming_query("query", query)
        return wait.lag(self._set_up("lag()"), query)

    def report(self, query: StreamingQuery, *others: StreamingQuery) -> QueryReport:
        """What a query has done so far, for a notebook to show as plots: the ends of
        its topics against what it has read, rows per second, how long batches took, the
        state it holds, and its watermark.

        It shows the batches that Spark still knows: the last 100 of a query of your
        own, and 10,000 of one that `run_stream` has started. The query may have ended.

        Example:
            report = kafka.report(query)
            report.save("query.html")

        Args:
            query: the query.
            *others: further queries, shown in the same plots.

        Raises:
            TypeError: an argument that is not a query.
        """
        queries = [_arguments.streaming_query("query", one) for one in (query, *others)]
        return report(queries, self._cluster if self.initialized else None)

    def run_stream(
        self,
        df: DataFrame,
        topic: str | None = None,
        **options: Unpack[StreamOptions],
    ) -> StreamRun:
        """Runs a streaming DataFrame for the time of a `with` block.

        Its query is started with a checkpoint of its own, and is alive when the block
        begins. At the end it is stopped, what killed it is raised, and the checkpoint
        is removed.

        Args:
            df: the streaming DataFrame.
            topic: the sink topic; it must exist. Without it, `foreach_batch` and
                `sink`, rows go to Spark's memory sink.
            foreach_batch: a function for `foreachBatch` instead.
            sink: the format of another sink instead, such as `"parquet"` or `"delta"`.
                Without a `path` in `sink_options` it writes to a folder of the run's
                own, `run.path`, which is removed at the end.
            answer: a function that gives the rows that a sink has got, as a list or a
                DataFrame, for checks where the kit can't know them: with a function for
                `foreachBatch`, and with a sink that is neither a topic, Spark's memory
                nor files (parquet, json, orc, csv, text).
            output_mode: `"append"` (the default), `"update"` or `"complete"`.
            trigger: arguments for `trigger()`, for example `{"availableNow": True}`.
            sink_options: further options of the sink.
            checkpoint: a checkpoint location to use, and to leave, instead.
            clock: what time it is for the query at first: a `datetime` or its ISO text,
                without a zone local time. Then its triggers (of processing time) run
                when the test lets time go on, by `advance`, `advance_to` or
                `next_batch`, and never else; for a classic session.
            timeout: seconds, for each step that waits; 60 by default.

        Raises:
            TypeError, ValueError: an argument that can't be used.
        """
        _arguments.known("run_stream()", options, StreamOptions.__annotations__)
        options["timeout"] = self._seconds("timeout", options.get("timeout", 60))
        return StreamRun(self._set_up("run_stream()"), df, topic, **options)

    def follow(
        self,
        query: StreamingQuery | Callable[..., StreamingQuery],
        topic: str | None = None,
        *,
        answer: Callable[[], Any] | None = None,
        timeout: float = 60,
    ) -> FollowedQuery:
        """Takes a query that a job's own code begins for the time of a `with` block,
        with the steps that a stream of `run_stream` has.

        It is alive when the block begins. At the end it is stopped, and what killed it
        is raised; its checkpoint stays.

        Example:
            with kafka.follow(lambda: job.start(spark, kafka.broker), "bills") as run:
                run.add_data("orders", [("a", {"total": 3})])
                run.check_answer({"a": "3"})
                run.restart()

        Args:
            query: the query, or a function that starts it and returns it, which
                `start` and `restart` need. It may take the session, as one for
                `crash("driver")` must: then it is started by another as well.
            topic: its sink topic, for `check_answer`; without it the memory sink's
                table, by the query's name.
            answer: a function that gives the rows of another sink, as a list or a
                DataFrame: `lambda: spark.table("bills")`.
            timeout: seconds, for each step that waits.

        Raises:
            TypeError, ValueError: an argument that can't be used.
        """
        seconds = self._seconds("timeout", timeout)
        cluster = self._set_up("follow()")
        return FollowedQuery(cluster, query, topic, answer=answer, timeout=seconds)

    def check_stream(
        self,
        job: Callable[..., Any],
        inputs: Mapping[str, Any],
        *,
        spark: SparkSession | None = None,
        **options: Unpack[CheckOptions],
    ) -> StreamReport:
        """Checks that a job's answer does not depend on what it must not depend on:
        where batches end, restarts, replays, crashes, the order of arrival, numbers of
        partitions, time that passes.

        The job runs once with all records in one batch, and then by random schedules
        that must not change its answer. Where one does, the smallest that shows it is
        told.

        Example:
            def first_visits(visits):
                return visits.withWatermark("timestamp", "10 minutes").dropDuplicates(
                    ["key"]
                )

            kafka.check_stream(first_visits, {"visits": visits})

        Args:
            job: a function of the inputs' streaming DataFrames, which has their names
                as parameters, and gives the DataFrame that is the answer; or starts the
                query itself, and gives it. A parameter `run` is given a `JobRun`: the
                topics, the checkpoint and a folder, for a job that reads or writes by
                itself.
            inputs: the records of each input by its name: (key, value) pairs and
                `Record`s, what `read_records` gave, or a hypothesis strategy of lists
                of such. Records without a timestamp get one, a second apart.
            spark: the session; None takes the active one. Runs go on in sessions that
                are made of it.
            same_under: what the answer must not depend on; without it all of these that
                apply:

                - `"batches"`: where batches end.
                - `"restarts"`: restarts between batches, with data sent before, and
                  while the query is down.
                - `"replays"`: a batch that runs again under its number.
                - `"crashes"`: a batch that is lost: before the sink, in a task, after
                  the sink, or, of a job that starts its query, at one of its writes.
                - `"arrival"`: any order of arrival that keeps each partition's.
                - `"partitions"`: how many partitions topics and shuffles have, and
                  partitions that are added.
                - `"idle"`: time that passes without data.
                - `"triggers"`: whether batches are run by `availableNow`.
                - `"retention"`: records that are deleted before they are read: the job
                  may die of it, and not go on as if nothing were.
                - `"batch_mode"`: the same function with `spark.read`.

                And if the job promises it: `"duplicates"` (a record comes twice) and
                `"other_keys"` (records of other keys come too).
            answer: what must be the same: `"rows"`, each as often as it is there, the
                default; `"latest"`, the latest row of each key, the default in update
                mode; `"set"`; `"by_partition"`, the records of each partition of a
                Kafka sink in their order; or a function of what the sink holds (its
                rows, or the records of its topic), and for a job that starts its query,
                of its `JobRun`. Floats are compared by a tolerance of 1e-9.
            key: the column, or columns, that are a row's key, for `"latest"`; without
                it `key`.
            late: the disorder in event time that the job bears, a `timedelta` or text
                such as `"10 minutes"`; without it the delay of its watermark. A record
                comes in no later batch than this allows.
            event_time: gives the event time of a `Record`; without it it is the
                timestamp.
            closers: by input, what to send at the end of each run of a job with a
                watermark, so that windows close; without it a record far ahead, which
                is enough where the timestamp is the event time.
            output_mode: of a job that gives a DataFrame.
            sink: the same: without it its rows are collected, those of each batch once;
                `"kafka"`, `"memory"`, or the format of files, such as `"parquet"`.
            trials: how many schedules are run.
            seed: of the schedules; without it another one each time.
            schedule: a line that a failure has told: runs that schedule alone.
            timeout: seconds, for each step that waits.

        Returns:
            How many schedules were run, what the answer has been the same under, and
            what was skipped, each with its reason.

        Raises:
            NotInvariant: (an AssertionError) the answer depends on something.
            StreamingQueryException: the query dies, with all in one batch.
            SparkSetupError: (a RuntimeError) there is no session.
            TypeError, ValueError: an argument that can't be used.
        """
        _arguments.known("check_stream()", options, CheckOptions.__annotations__)
        options["timeout"] = self._seconds("timeout", options.get("timeout", 60))
        cluster = self._set_up("check_stream()")
        session = sources.session_or_active(spark)
        with waiting("check_stream", alone=True):  # its queries are too many to tell
            return check_stream(cluster, session, job, inputs, **options)

    @staticmethod
    def stop_queries(spark: SparkSession) -> None:
        """Stops all active queries of a session, each whatever becomes of the others.

        Call it before you delete the topics that they read.

        Raises:
            WaitError: (an AssertionError) some did not stop within 30 s, or failed to;
                it names each with its cause.
            TypeError: it is no session.
        """
        _arguments.session("spark", spark)
        stop_queries(spark)

    # Spark

    @staticmethod
    def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
        """Settings that put the helper and the Kafka connector on a new session.

        The connector is the nearest of Spark's minor version that the kit has. The
        settings also make the session quick for tests: no UI, 2 shuffle partitions, the
        serial garbage collector (unless the environment names one). A local session
        has Python's workers look for modules where this process does, listens on
        loopback, writes checkpoints without a process for each file, and
        starts its JVM with the kit's jars on its class path, the quick compiler alone
        (`-XX:TieredStopAtLevel=1`), and from a class archive: where there is none yet,
        one is recorded in the background (SPARK_KAFKA_TESTKIT_SPARK_ARCHIVE=use or off
        does without). What spark-defaults.conf and PYSPARK_SUBMIT_ARGS give stays in
        force: the kit adds to their lists. For a minor version that the kit does not
        know, Spark is told to fetch the connector, and a warning is logged.

        Args:
            conf: settings you have already: they win, what the kit adds is appended to
                their lists, and all of them are returned.

        Raises:
            SparkSetupError: no Spark is installed.
            JarError: a jar can't be found or fetched.
            TypeError, ValueError: settings that can't be used.
        """
        return spark.spark_conf(
            {} if conf is None else _arguments.settings("conf", conf)
        )

    @staticmethod
    def spark_session(conf: Mapping[str, str] | None = None) -> SparkSession:
        """A classic Spark session with the helper and the Kafka connector: the one that
        runs in this process, else a new one with the settings of `spark_conf()`.

        With SPARK_KAFKA_TESTKIT_REUSE=1, and where `spark-kafka-testkit up --spark` has
        been run in this working directory, the new one is made in the JVM that is kept
        there, within a fraction of a second. It has a context of its own: nothing of
        another run is seen in it. A kept JVM is used by one process at a time, until
        that ends. Where it does not fit, one line at INFO says why, and this process
        starts its own.

        Example:
            spark = KafkaUtils.spark_session({"spark.sql.session.timeZone": "UTC"})

        Args:
            conf: settings of yours, for a new session. Without a master it is
                `local[2]`.

        Raises:
            SparkSetupError, JarError, TypeError, ValueError: as `spark_conf` and
                `attach`.
        """
        return session({} if conf is None else _arguments.settings("conf", conf))

    @staticmethod
    def spark_submit_args(conf: Mapping[str, str] | None = None) -> list[str]:
        """Arguments for `spark-submit`, before the script's name: the Kafka connector
        by `--jars`, and settings that make tests quick by `--conf`.

        Example:
            arguments = [*KafkaUtils.spark_submit_args(), "job.py", kafka.broker]
            job = subprocess.Popen(["spark-submit", *arguments])

        Args:
            conf: settings of yours; they win.

        Raises:
            SparkSetupError, JarError, TypeError, ValueError: as `spark_conf`.
        """
        return spark.submit_arguments(
            {} if conf is None else _arguments.settings("conf", conf)
        )

    @staticmethod
    def attach(spark: SparkSession) -> None:
        """Adds the helper and the Kafka connector to a session that runs already.

        What is there already is not added again. Jars that are added to a live session
        are seen by the Python thread that calls this. Every Python thread has a JVM
        thread of its own: call it in each that reads or writes Kafka by this session.

        A Spark Connect session gets the connector, from this machine, for itself alone;
        the helper runs in a JVM on this machine.

        Raises:
            SparkSetupError: a session that is stopped; one whose class path has a
                connector or helper that does not go with it, which the text names; a
                Connect server of a Spark whose minor version is not in the lock.
            JarError: a jar can't be found or fetched.
            TypeError: it is no session.
        """
        _arguments.session("spark", spark)
        attach(spark)

    # Inside

    def _seconds(self, name: str, value: float, *, positive: bool = False) -> float:
        """A time-out of the caller's, times the factor."""
        seconds = _arguments.seconds(name, value, positive=positive)
        return min(seconds * self._timeout_factor, _arguments.LONGEST_SECONDS)

    def _timed(self, options: ReadOptions) -> ReadOptions:
        return {
            **options,
            "timeout": self._seconds(
                "timeout", options.get("timeout", 60), positive=True
            ),
        }

    def _causes(self, query: StreamingQuery | None) -> list[str]:
        """Why what was waited for has not come, by the query that was named, or by all
        that run.
        """
        if self._cluster is None:
            return []
        return causes(self._cluster, active_queries() if query is None else [query])

    def _set_up(self, caller: str) -> Cluster:
        if self._cluster is None:
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
        return self._cluster


_every: weakref.WeakSet[KafkaUtils] = weakref.WeakSet()


def _after_fork() -> None:
    """In a child: a thread of the parent, which the child does not have, may have held
    a lock.
    """
    for utils in list(_every):
        utils._lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


def cluster_of(utils: KafkaUtils) -> Cluster:
    """What the object has set up, though its broker may have ended; for the kit's own
    test integrations.

    Raises:
        NotSetUpError: it is not set up.
    """
    return utils._set_up("cluster_of()")


def observe(utils: KafkaUtils, on_use: OnUse) -> None:
    """Before `setup()`: has each use of a topic told."""
    utils._on_use.append(on_use)


def _look_around() -> None:
    """Warns of what does not go together, where a look takes milliseconds."""
    findings = preflight.check_packages()
    session = active_session()
    if session is not None:
        findings += preflight.mismatches(session)
    preflight.warn(findings)


def _check_apart(names: Sequence[str]) -> None:
    """Kafka's metrics have '_' for '.', so brokers refuse a topic that another there
    differs from in that alone; of those of one request they see it too late.
    """
    by_metric: dict[str, str] = {}
    for name in names:
        other = by_metric.setdefault(name.replace(".", "_"), name)
        if other != name:
            raise ValueError(
                f"topic_names must not have both {other!r} and {name!r}: Kafka's "
                "metrics do not tell '.' from '_', and brokers refuse the second."
            )
