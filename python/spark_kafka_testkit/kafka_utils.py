"""`KafkaUtils`: Kafka for PySpark tests, with the API of Spark's KAFKA_TESTING.md."""

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
    """A Kafka broker for tests, and everything a test does with it.

    ::

        with KafkaUtils() as kafka:
            kafka.create_topics(["events"])
            kafka.send_messages("events", [("user1", "login")])
            assert kafka.get_all_records(spark, "events") == {"user1": "login"}

    Records travel through a helper in the JVM of the active classic session, if that
    session has the helper (see `spark_conf` and `attach`). Otherwise the kit uses the
    helper in a small JVM that it starts itself, and kafka-python as the last resort.
    The results are the same, and `client` tells you which one is in use.

    An invalid argument raises a TypeError or a ValueError that names it, before
    anything is sent or created. That includes topic names that Kafka does not allow. A
    name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and is neither
    '.' nor '..'.

    Args:
        kafka_version: the version of Confluent's Kafka image, for the container
            backend.
        backend: `"container"`, `"embedded"`, `"external"`, or `"auto"`, which runs a
            container if a Docker daemon answers and the embedded broker otherwise.
            Default: SPARK_KAFKA_TESTKIT_BACKEND if it is set, else `"external"` where
            an address is given, else `"auto"`.
        bootstrap_servers: the address of a broker that is already running. The kit
            deletes only those topics on it that it created. Default:
            SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS, if it is set.
        image: a Docker image to use for the container backend instead of Confluent's,
            for example `apache/kafka:4.1.0`.
        startup_timeout: the seconds within which a broker that the kit starts must
            answer. Pulling an image does not count.
        broker_config: Kafka's own settings, by name, for a broker that the kit starts.
        environment: environment variables for the container.
        network: a Docker network for the container, as a name or as testcontainers'
            `Network`. Other containers in it reach the broker at `network_broker`.
        network_alias: the container's name in that network.
        reuse: whether to take over the broker that `spark-kafka-testkit up` or an
            earlier run left behind, after removing its topics, or to start one if there
            is none. The broker keeps running for 8 hours after its last use. It serves
            one run at a time, so a second run gets a broker to itself. Default: true if
            SPARK_KAFKA_TESTKIT_REUSE=1 is set.
        client_config: settings that clients need to reach the broker at
            `bootstrap_servers`, under the names that Kafka's Java clients use, for
            example `security.protocol`. The kit applies them to everything it does with
            the broker, and Spark gets them from `spark_options()`.
        topic_prefix: a prefix for the names of all topics that this object creates, for
            a cluster that you share with others. `topic("events")` returns such a name.
        timeout_factor: a factor for slow machines, by which every timeout of this
            object is multiplied, `startup_timeout` included. Default:
            SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR if it is set, else 1.

    Raises:
        TypeError, ValueError: an invalid argument, an unknown backend, or one that
            contradicts the address.
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
                "client_config is for a running broker. Give its address as "
                "bootstrap_servers=..., or leave out client_config."
            )
        self._prefix = ""
        if topic_prefix is not None:
            _arguments.topic("topic_prefix", topic_prefix)
            self._prefix = f"{topic_prefix}-{uuid.uuid4().hex[:8]}-"
            # is there room left for a name?
            _arguments.topic("topic_prefix and what follows it", f"{self._prefix}t")
        self._lock = threading.RLock()
        self._on_use: list[OnUse] = []
        self._blocks = 0  # how many `with` statements it is in
        self._pid = os.getpid()
        _every.add(self)

    # Life cycle

    @property
    def initialized(self) -> bool:
        """Whether there is a broker.

        True from `setup()` until `teardown()`, or until a broker that the kit started
        ends unexpectedly.
        """
        cluster = self._cluster
        return (
            cluster is not None
            and self._pid == os.getpid()
            and not cluster.broker.ended
        )

    def setup(self) -> None:
        """Start the broker, or connect to the external one.

        Does nothing while the broker is running. If it has ended unexpectedly, another
        one is started.

        Raises:
            ImportError: a Python package that the backend needs is not installed.
            RuntimeError: no broker came up. The message says why.
        """
        with self._lock:
            if self.initialized:
                return
            self.teardown()
            require_kafka_python()
            if not self._settings.reuse:  # a kept broker is usually up already
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
        """Close the clients and end the broker.

        You can call it at any time, and more than once. A step that fails is logged. On
        an external broker, the topics that this object created are deleted first.
        """
        if self._pid != os.getpid():
            return  # the parent's, and one of its threads may have held the lock
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

    # The broker and its clients

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
        """The broker's address for other containers in its Docker `network`.

        For example `kafka:9092`, or None if the broker is not in a network.
        """
        return self._set_up("network_broker").broker.network_broker

    @property
    def producer(self) -> KafkaProducer:
        """A `kafka.KafkaProducer`, created on first use.

        It encodes keys and values as `send_messages` does.
        """
        return self._set_up("producer").producer

    @property
    def admin_client(self) -> KafkaAdminClient:
        """A `kafka.KafkaAdminClient`, created on first use."""
        return self._set_up("admin_client").admin_client

    @property
    def client(self) -> str:
        """Which client currently moves the records: `"jvm"` or `"kafka-python"`.

        `"jvm"` is the helper, in the JVM of the active Spark session or in one that the
        kit started.
        """
        return self._set_up("client").client().name

    def spark_options(self) -> dict[str, str]:
        """The options that Spark's Kafka source and sink need to reach the broker.

        Pass them with `.options(**kafka.spark_options())`. They contain the address and
        every setting of `client_config`, each name prefixed with `kafka.`. They also
        set `fetch.max.wait.ms` to 10, unless `client_config` has a value for it. That
        takes half a second off every batch that reads a topic to its end. The repr of
        the options, and of anything made from them, shows no secrets.

        The connector on Databricks has Kafka's classes under `kafkashaded.`. There, the
        classes that the settings name get this prefix, including the login module in
        `sasl.jaas.config`.
        """
        return self._set_up("spark_options()").spark_options()

    # Topics

    def topic(self, name: str) -> str:
        """The name to use for a topic of this object.

        With `topic_prefix` it is the prefix, eight characters that are unique to this
        object, and the name. Otherwise it is the name unchanged.

        Raises:
            TypeError, ValueError: a name that Kafka does not allow. The whole name
                counts, prefix included.
        """
        _arguments.topic("name", name)
        return _arguments.topic("name with topic_prefix", f"{self._prefix}{name}")

    def create_topics(
        self,
        topic_names: Sequence[str],
        num_partitions: int = 1,
        replication_factor: int = 1,
    ) -> None:
        """Create topics, and return when they are ready to use.

        A topic is ready when each partition has a leader and answers requests for its
        offsets. It is not an error if a topic exists with the same number of
        partitions.

        Raises:
            TopicExistsError: (a ValueError) a topic exists with another number of
                partitions.
            TopicError: (a RuntimeError) the broker refused the topics that the message
                names, and created the others. Or they were not ready within 30 s and
                0.2 s more for each partition.
            TypeError, ValueError: an invalid argument, such as a name that Kafka does
                not allow. In that case nothing is created.
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
        """Delete topics, and return when they are gone.

        Unknown topics are ignored. Stop everything that uses the topics first.

        Raises:
            TopicError: (a RuntimeError) the broker refused the topics that the message
                names, and deleted the others. Or a topic was not gone in time.
            TypeError, ValueError: an invalid argument or, on an external broker, a
                topic that this object did not create.
        """
        names = _arguments.topics("topic_names", topic_names)
        self._set_up("delete_topics()").delete_topics(names)

    def _check_prefix(self, names: Sequence[str]) -> None:
        for name in names:
            if not name.startswith(self._prefix):
                raise ValueError(
                    f"Topic {name!r} does not begin with {self._prefix!r}, the "
                    f"topic_prefix of this KafkaUtils. Write kafka.topic({name!r})."
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
        """Send messages, and return when all replicas have acknowledged all of them.

        A topic that does not exist is created with one partition. On an external
        broker, that is up to the broker.

        Messages are serialized in batches of 16,384 while earlier ones are being sent.
        If a message in the first batch can't be serialized, nothing is sent. If it is
        in a later one, a note on the error says how many messages were sent. For all or
        nothing, pass `transactional`.

        Args:
            topic: the topic.
            messages: (key, value) pairs or `Record`s, in any iterable, which is
                consumed a few thousand at a time. The partition, timestamp and headers
                of a `Record`, or of an object that looks like one, are honoured.
                Alternatively a table (pyarrow, pandas, Polars) with a column `value`,
                and optionally `key`, `partition`, `timestamp` (milliseconds, or a
                timestamp) and `headers`.
            key_serializer, value_serializer: a name from
                `spark_kafka_testkit.serde.SERIALIZERS`, or a callable that returns
                bytes. By default `None` stays null, bytes stay as they are, a str
                becomes UTF-8, a value with parts (dict, list, dataclass, pydantic
                model, `Row`) becomes JSON, and everything else becomes `str(item)` in
                UTF-8. In JSON, dates and times are ISO 8601 and a `Decimal` is text.
                Table columns may hold text, bytes and numbers, and the values also
                structs and lists.
            transactional: send everything in one transaction, so that either all
                messages become visible or none. They are visible when the call returns.

        Returns:
            What was written to each partition: the count, and the first and last
            offset.

        Raises:
            SendError: (a RuntimeError) some messages were not acknowledged. Its
                `failures` names them, up to 100, each with its cause. A transaction has
                been aborted in that case. If the broker dies or does not answer for
                12 s, the remaining messages are not sent.
            BrokerUnreachableError, BrokerEndedError: (RuntimeErrors) nothing was sent.
            TopicChangedError: (a RuntimeError) the topic was deleted or recreated in
                the meantime. The SendError is its cause.
            UnknownTopicError: (a LookupError) the topic does not exist, and the
                external broker does not create it.
            SerializationError: (a ValueError) a key or value that can't be serialized.
            TypeError, ValueError: an invalid argument, in which case nothing was sent.
                Or something that is not a message, which a list is checked for before
                anything is sent.
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
        """The latest value of each key, as of the moment of the call.

        It covers exactly what the topic holds up to its end at that moment,
        read_committed, and takes no Spark task slot. A tombstone shows as `None`.
        "Latest" means the highest offset. If a key is in several partitions, the newest
        timestamp wins, then the highest partition.

        Args:
            spark: the session whose JVM does the reading. With `None`, the kit chooses
                (see `client`).
            topic: the topic.
            key_deserializer, value_deserializer: a name from
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable that takes
                bytes.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist. It is not
                created.
            ReadTimeoutError: (a TimeoutError) no progress for 60 s, for example because
                of an open transaction.
            ReadError: (a RuntimeError) the range is no longer available.
            DeserializationError: (a ValueError) bytes that can't be decoded. The error
                names the record.
            TypeError, ValueError: an invalid argument.
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
        """The records of a topic between `start` and `end`.

        You get exactly those records, partition by partition in offset order, or an
        error. You never get a list that is too short.

        Args:
            topic: the topic.
            start, end: `"earliest"`, `"latest"`, a time, a dict of offsets by
                partition, or a `Mark`. A time is a `datetime` or milliseconds since the
                epoch, and stands for the first record at or after it. A partition that
                the dict leaves out counts as earliest in `start` and as latest in
                `end`. `end` is exclusive, and is captured once, at the time of the
                call.
            partitions: the partitions to read. Default: all of them.
            isolation: `"read_committed"` leaves out aborted transactions and waits for
                open ones. `"read_uncommitted"` returns everything.
            upto: `"end"` reads to the high watermark. `"stable"` stops at the oldest
                open transaction and does not wait for it.
            allow_deleted: whether to carry on with the remaining records if some in the
                range were deleted (retention, DeleteRecords). `coverage` says how many
                offsets are missing.
            key_deserializer, value_deserializer: a name from
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable that takes
                bytes.
            timeout: the seconds without progress after which the read gives up.

        Returns:
            A list of `Record`, whose `.coverage` has the coverage of each partition.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist. It is not
                created.
            OffsetRangeError: (a ValueError) a partition that does not exist, or an
                offset past the end.
            ReadTimeoutError: (a TimeoutError) no progress for `timeout`, for example
                because of an open transaction, which the error names.
            RecordsDeletedError, TopicChangedError: (ReadErrors) the range is not
                available.
            DeserializationError: (a ValueError) bytes that can't be decoded. The error
                names the record.
            TypeError, ValueError: an invalid argument.
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
        """The records that `read_records` returns, one by one as they arrive.

        Only a few batches are in memory at a time. Records of one partition come in
        offset order, and the partitions are interleaved. The range is captured at the
        time of the call, and a read error is raised at the point where it occurs. The
        options are those of `read_records`.

        Returns:
            An iterator of `Record`, whose `.coverage` is known at the end. If you don't
            iterate to the end, close it or use it in a `with` statement.
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
        """The records that `read_records` returns, as an Arrow table.

        From there you get `.to_pandas()`, `polars.from_arrow(...)` or
        `spark.createDataFrame(...)`. The options are those of `read_records`.

        Returns:
            A table with the columns `key`, `value`, `partition` (int32), `offset`
            (int64), `timestamp` (milliseconds, UTC), `timestamp_type` (int8: 0 create,
            1 log append) and `headers` (a list of `key` and `value`). The types of
            `key` and `value` are those in `spark_kafka_testkit.serde.ARROW_TYPES`, or
            what Arrow infers from the deserialized values. The coverage is in the
            table's metadata.

        Raises:
            TypeError: the deserialized values do not have one Arrow type.
        """
        request, decoder = results.read_request(
            topic, start, end, **self._timed(options)
        )
        cluster = self._set_up("read_arrow()")
        with cluster.suggesting():
            return results.read_arrow(cluster.client_for(topic), request, decoder)

    def offsets(self, topic: str) -> dict[int, PartitionOffsets]:
        """The beginning, end (high watermark) and last stable offset of each partition.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist. It is not
                created.
            TypeError, ValueError: an invalid argument.
        """
        _arguments.topic("topic", topic)
        cluster = self._set_up("offsets()")
        with cluster.suggesting():
            return cluster.offsets(topic)

    def mark(self, topic: str) -> Mark:
        """A mark at the current end of the topic.

        `records_since(mark)` returns the records that appear after it.

        Raises:
            UnknownTopicError: (a LookupError) the topic does not exist. It is not
                created.
            TypeError, ValueError: an invalid argument.
        """
        _arguments.topic("topic", topic)
        cluster = self._set_up("mark()")
        with cluster.suggesting():
            return results.mark(cluster.client_for(topic), topic)

    def records_since(self, mark: Mark, **options: Unpack[ReadOptions]) -> Records:
        """The records that appeared since the mark was taken, up to the current end.

        The same as `read_records` with the mark as `start`, and with the same options.

        Raises:
            TopicChangedError: (a ReadError) the topic was recreated since then.
            TypeError, ValueError: an invalid argument.
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
        """Wait until `result_func` returns what is expected, or fail at the deadline.

        The function is called immediately, then at least every `interval` seconds, and
        one last time at the deadline. If it reads topics through the kit, it is called
        again as soon as one of them has more records.

        Args:
            result_func: a function that returns the current result.
            expected: a value or matcher that the result must equal, or a function that
                takes the result and returns whether it is acceptable. Values are
                compared with `==`, with some additions: NaN equals NaN, a list equals a
                tuple of the same items, and arrays and frames are equal if their values
                are (docs: What is equal to what).
            timeout: the time limit in seconds.
            interval: the longest time between two checks, in seconds.
            query: the query that the result depends on. The wait ends early if the
                query dies, or if it ends while the result is still another.
            retry_on: exceptions from the function that mean 'not yet'. All others
                propagate.

        Raises:
            WaitError: (an AssertionError) the result is not the expected one. The
                message shows how the last result differs, which topics were read, and
                the state of the query.
            StreamingQueryException: the query's own exception, as soon as it dies.
            TypeError, ValueError: an invalid argument.
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
        """Wait until a topic has the records you ask for, committed, and return them.

        The broker wakes the wait, so it returns without delay. It takes no Spark task
        slot. For a query in real-time or continuous mode this is the wait to use, on
        its sink topic.

        Args:
            topic: the topic, which must exist.
            count: the number of records to wait for.
            predicate: a function that takes a `Record` and returns whether it counts.
            key, value: the key and value that a record must have, as the deserializers
                return them.
            headers: headers that a record must have. It may have others too. Give their
                values as you would to `send_messages`. Keys, values and headers are
                compared as in `assert_eventually`.
            since: a mark. Only records after it count. Default: all records of the
                topic.
            timeout: the time limit in seconds.
            query: the query that writes the records. The wait ends early if the query
                dies, or if it ends without having written them.
            key_deserializer, value_deserializer: a name from
                `spark_kafka_testkit.serde.DESERIALIZERS`, or a callable that takes
                bytes.

        Returns:
            The first `count` of these records, in the order in which they arrived.

        Raises:
            WaitError: (an AssertionError) they did not arrive in time. The message says
                what was asked for, how many records matched, and what the last one
                looked like.
            StreamingQueryException: the query's own exception, if it died.
            UnknownTopicError: (a LookupError) the topic does not exist.
            RecordsDeletedError, TopicChangedError: (ReadErrors) the records or the
                topic disappeared.
            DeserializationError: (a ValueError) bytes that can't be decoded.
            TypeError, ValueError: an invalid argument.
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
        """Wait until a query sees everything sent from now on, in any trigger mode.

        That is the case once it is active and its start offsets are pinned. A query
        that has already ended without an error (`availableNow`, `once`) does not count
        as a failure.

        Args:
            query: the query.
            timeout: the time limit in seconds.
            interval: the longest time between two looks at the query, in seconds.

        Raises:
            StreamingQueryException: the query's own exception, as soon as it dies.
            WaitError: (an AssertionError) the query was not alive in time. The message
                has its status.
            UnknownTopicError: (a LookupError) a topic that the query reads or writes to
                does not exist.
            TypeError, ValueError: an invalid argument.
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
        """Wait until a query has processed what its source topics hold at the call.

        By then a committed batch covers all of it, so the sink has the result and the
        checkpoint says so. The wait compares the offsets in the query's progress,
        partition by partition, for each of its Kafka sources. The end of a topic is its
        high watermark. An open transaction therefore holds up a read_committed query,
        and this wait with it.

        What was processed has not necessarily been emitted. In append mode, a window is
        emitted once the watermark has passed it.

        Several queries may feed one another. When the wait returns, everything that was
        there at the call has gone through all of them.

        To wait for a job in another process, pass its checkpoint. The wait then takes
        the topics from the first committed batch that it sees there, and goes by what
        they hold at that moment. If you name the topic, it is what it holds at the
        call.

        Example:
            kafka.wait_until_processed(query)
            kafka.wait_until_processed(cleaning, counting)
            kafka.wait_until_processed(checkpoint=path, process=job)

        Args:
            query: a query that runs in micro-batches, with any trigger except real-time
                and continuous, and any sink.
            *others: further queries. The topic and the timeout may also be given here,
                as positional arguments.
            topic: the only source topic to look at. Default: all of them.
            timeout: the time limit in seconds.
            checkpoint: the checkpoint location of a job, a local folder, instead of a
                query.
            process: the process of that job, as returned by `subprocess.Popen`. The
                wait ends early if the process ends.

        Raises:
            StreamingQueryException: the query's own exception, as soon as it dies.
            WaitError: (an AssertionError) the query did not get that far in time, or
                ended first. The message says where it is in each partition.
            UnknownTopicError: (a LookupError) a topic that the query reads or writes to
                does not exist.
            ValueError: a query in real-time or continuous mode, which has no such
                progress (use `wait_for_records` on its sink topic), a query that does
                not read the topic, or one that reads no existing topic.
            TypeError: an invalid argument.
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
            raise ValueError("Give queries or the checkpoint of a job, not both.")
        for one in waited:
            _arguments.streaming_query("query", one)
        cluster = self._set_up("wait_until_processed()")
        if checkpoint is not None:
            folder = _arguments.local_folder("checkpoint", checkpoint)
            if process is not None and not callable(getattr(process, "poll", None)):
                raise TypeError(
                    "process must have poll(), like a subprocess.Popen, got a "
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
        """A streaming DataFrame of topics, read from their beginning.

        It is what `spark.readStream.format("kafka")` returns with the options for this
        broker.

        Example:
            orders = kafka.read_stream(spark, "orders", maxOffsetsPerTrigger=1)

        Args:
            spark: the session. `None` takes the active one.
            topics: one topic or several. `None` if the options have `subscribePattern`
                or `assign`.
            **options: further options of Spark's source, by their Spark names.
                `startingOffsets` defaults to `"earliest"` here, whereas Spark's own
                default is `"latest"`.

        Raises:
            SparkSetupError: (a RuntimeError) there is no session, or it has no Kafka
                connector.
            TypeError, ValueError: an invalid argument.
        """
        settings = self._set_up("read_stream()").spark_options()
        return sources.read_stream(spark, topics, {**settings, **options})

    def read_batch(
        self,
        spark: SparkSession | None,
        topics: str | Sequence[str] | None,
        **options: Any,
    ) -> DataFrame:
        """A batch DataFrame of what the topics hold.

        It is what `spark.read.format("kafka")` returns with the options for this
        broker. The arguments are those of `read_stream`.
        """
        settings = self._set_up("read_batch()").spark_options()
        return sources.read_batch(spark, topics, {**settings, **options})

    def lag(self, query: StreamingQuery) -> dict[str, dict[int, int]]:
        """How far a query is behind its source topics, in offsets.

        The result has, per topic and partition, the number of offsets between the point
        up to which the last batch read and the end of the topic. These are offsets and
        not records, because transaction markers count too. If several sources read a
        partition, the one furthest behind counts. In real-time mode, the last batch is
        the last one that has ended.

        Raises:
            StreamingQueryException: the query's own exception, if it died.
            WaitError: (an AssertionError) the query has made no progress yet.
            ValueError: a query in continuous mode, which reports no progress, or one
                that reads no existing topic.
            TypeError: an invalid argument.
        """
        _arguments.streaming_query("query", query)
        return wait.lag(self._set_up("lag()"), query)

    def report(self, query: StreamingQuery, *others: StreamingQuery) -> QueryReport:
        """What a query has done so far, which a notebook shows as plots.

        The plots show the ends of its topics and how far it has read them, rows per
        second, how long batches took, the state it holds, and its watermark. They cover
        the batches that Spark still knows: the last 100 of a query of your own, and
        10,000 of one that `run_stream` started. The query may have ended.

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
        """Run a streaming DataFrame for the duration of a `with` block.

        The query is started with a fresh checkpoint, and is alive when the block
        begins. At the end of the block the query is stopped, the exception that killed
        it is raised (if any), and the checkpoint is removed.

        Args:
            df: the streaming DataFrame.
            topic: the sink topic, which must exist. Without it, and without
                `foreach_batch` and `sink`, rows go to Spark's memory sink.
            foreach_batch: a function for `foreachBatch`, instead of a topic.
            sink: the format of another sink, such as `"parquet"` or `"delta"`, instead
                of a topic. Unless `sink_options` has a `path`, it writes to a temporary
                folder, `run.path`, which is removed at the end.
            answer: a function that returns the rows in the sink, as a list or a
                DataFrame. Checks need it where the kit can't know the rows: with a
                function for `foreachBatch`, and with a sink other than a topic, Spark's
                memory and files (parquet, json, orc, csv, text).
            output_mode: `"append"` (the default), `"update"` or `"complete"`.
            trigger: arguments for `trigger()`, for example `{"availableNow": True}`.
            sink_options: further options of the sink.
            checkpoint: a checkpoint location to use instead, which is not removed.
            clock: the query's initial time, as a `datetime` or its ISO text, in local
                time if it has no zone. With a clock, the query's triggers (of
                processing time) run only when the test lets time pass, with `advance`,
                `advance_to` or `next_batch`. Needs a classic session.
            timeout: the time limit for each step that waits, in seconds. Default: 60.

        Raises:
            TypeError, ValueError: an invalid argument.
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
        """Take over a query that your job starts, for the duration of a `with` block.

        You get the same steps as with `run_stream`. The query is alive when the block
        begins. At the end of the block it is stopped, and the exception that killed it
        is raised (if any). Its checkpoint stays.

        Example:
            with kafka.follow(lambda: job.start(spark, kafka.broker), "bills") as run:
                run.add_data("orders", [("a", {"total": 3})])
                run.check_answer({"a": "3"})
                run.restart()

        Args:
            query: the query, or a function that starts and returns it, which `start`
                and `restart` need. The function may take the session as its argument,
                and must for `crash("driver")`, which starts it with another session.
            topic: the sink topic of the query, for `check_answer`. Default: the memory
                sink's table, found by the query's name.
            answer: a function that returns the rows of another sink, as a list or a
                DataFrame: `lambda: spark.table("bills")`.
            timeout: the time limit for each step that waits, in seconds.

        Raises:
            TypeError, ValueError: an invalid argument.
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
        """Check that a job's answer does not depend on what it must not depend on.

        The check covers where batches end, restarts, replays, crashes, the order of
        arrival, the number of partitions, and the passing of time. The job runs with
        all records in one batch, and then under random schedules that must not change
        its answer. If one does, the failure shows the smallest schedule that
        changes it.

        Example:
            def first_visits(visits):
                return visits.withWatermark("timestamp", "10 minutes").dropDuplicates(
                    ["key"]
                )

            kafka.check_stream(first_visits, {"visits": visits})

        Args:
            job: a function whose parameters have the names of the inputs. It receives
                their streaming DataFrames and returns the DataFrame that is the answer,
                or starts the query itself and returns that. If it has a parameter
                `run`, it also receives a `JobRun` with the topics, the checkpoint and a
                folder, for a job that does its own reading or writing. A job with
                several queries returns them all in a list. Crashes and replays happen
                to the first one.
            inputs: the records of each input, by its name. They are (key, value) pairs
                and `Record`s, the result of `read_records`, or a hypothesis strategy
                that generates lists of them. Records without a timestamp get one, a
                second apart.
            spark: the session. `None` takes the active one. The runs use sessions made
                from it.
            same_under: what the answer must not depend on. Default: all of the
                following that apply.

                - `"batches"`: where batches end.
                - `"restarts"`: restarts between batches, with data sent before the
                  restart and while the query is down.
                - `"replays"`: a batch that runs again under the same number.
                - `"crashes"`: a batch that is lost before the sink, in a task or after
                  the sink. If the job starts its query itself, also at one of its
                  writes.
                - `"arrival"`: any order of arrival that keeps the order within each
                  partition.
                - `"partitions"`: how many partitions topics and shuffles have, and
                  partitions that are added.
                - `"idle"`: time that passes without data.
                - `"triggers"`: whether batches are run with `availableNow`.
                - `"retention"`: records that are deleted before they are read. The job
                  may fail because of it, but must not carry on as if nothing had
                  happened.
                - `"batch_mode"`: the same function with `spark.read`.

                Add these if the job promises them: `"duplicates"` (a record arrives
                twice), `"other_keys"` (records with other keys arrive too), and
                `"real_time"` (Spark's real-time mode, with the Kafka sink in update
                mode).
            answer: what must stay the same. `"rows"` (the default) compares the rows
                and how often each occurs. `"latest"` (the default in update mode)
                compares the latest row of each key, `"set"` the set of rows, and
                `"by_partition"` the records in each partition of a Kafka sink, in their
                order. A function takes what the sink holds (its rows, or the records of
                its topic), or the `JobRun` if the job starts its query itself. Floats
                are compared with a tolerance of 1e-9.
            key: the column or columns that make up a row's key, for `"latest"`.
                Default: `key`.
            late: how far out of order in event time the records may arrive, as a
                `timedelta` or as text such as `"10 minutes"`. No record arrives in a
                later batch than this allows. Default: the delay of the job's watermark.
            event_time: a function that returns the event time of a `Record`. Default:
                its timestamp.
            closers: what to send to each input at the end of a run of a job with a
                watermark, so that windows close. Default: a record far in the future,
                which is enough if the timestamp is the event time.
            output_mode: the output mode, for a job that returns a DataFrame.
            sink: the sink, for a job that returns a DataFrame: `"kafka"`, `"memory"`,
                or a file format such as `"parquet"`. By default the rows are collected,
                those of each batch once.
            trials: how many schedules to run.
            seed: the seed of the schedules. Default: a new one for each call.
            schedule: the line that a failure printed, to run only that schedule.
            timeout: the time limit for each step that waits, in seconds.

        Returns:
            How many schedules were run, under what the answer stayed the same, and what
            was skipped, with the reasons.

        Raises:
            NotInvariant: (an AssertionError) the answer depends on something.
            StreamingQueryException: the query dies even with everything in one batch.
            SparkSetupError: (a RuntimeError) there is no session, or it is one of Spark
                Connect.
            TypeError, ValueError: an invalid argument.
        """
        _arguments.known("check_stream()", options, CheckOptions.__annotations__)
        as_given = options.copy()
        options["timeout"] = self._seconds("timeout", options.get("timeout", 60))
        cluster = self._set_up("check_stream()")
        session = sources.session_or_active(spark)
        with waiting("check_stream", alone=True):  # it has too many queries to show
            return check_stream(cluster, session, job, inputs, as_given, **options)

    @staticmethod
    def stop_queries(spark: SparkSession) -> None:
        """Stop all active queries of a session, even if some of them fail to stop.

        Call it before you delete the topics that they read.

        Raises:
            WaitError: (an AssertionError) some queries failed to stop, or did not
                within 30 s. The message names each of them with its cause.
            TypeError: the argument is not a session.
        """
        _arguments.session("spark", spark)
        stop_queries(spark)

    # Spark

    @staticmethod
    def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
        """Settings that add the helper and the Kafka connector to a new session.

        The connector is the closest one the kit has for Spark's minor version. If the
        kit does not know the minor version, the settings tell Spark to fetch the
        connector, and a warning is logged.

        The settings also make the session fast for tests: no UI, 2 shuffle partitions,
        and the serial garbage collector (unless the environment names another). More
        apply to a local session. Its Python workers look for modules where this process
        does, it listens on loopback, and it writes checkpoints without starting a
        process for each file. Its JVM has the kit's jars on the class path, uses only
        the quick compiler (`-XX:TieredStopAtLevel=1`), and starts from a class archive.
        If there is no archive yet, one is recorded in the background
        (SPARK_KAFKA_TESTKIT_SPARK_ARCHIVE=use or off prevents that).

        What spark-defaults.conf and PYSPARK_SUBMIT_ARGS set stays in force, and the kit
        appends to their lists.

        Args:
            conf: settings that you already have. They take precedence, the kit appends
                to their lists, and the result contains all of them.

        Raises:
            SparkSetupError: Spark is not installed.
            JarError: a jar can't be found or fetched.
            TypeError, ValueError: invalid settings.
        """
        return spark.spark_conf(
            {} if conf is None else _arguments.settings("conf", conf)
        )

    @staticmethod
    def spark_session(conf: Mapping[str, str] | None = None) -> SparkSession:
        """A classic Spark session with the helper and the Kafka connector.

        It is the session that is already running in this process, or a new one with the
        settings of `spark_conf()`. The Python workers of a new one start quickly, by a
        daemon of the kit (`spark.python.daemon.module`).

        With SPARK_KAFKA_TESTKIT_REUSE=1, and after `spark-kafka-testkit up --spark` in
        this working directory, a new session is created within a fraction of a second
        in the JVM that is kept running there. It has its own context, so nothing from
        other runs is visible in it. A kept JVM serves one process at a time, until that
        process ends. If the kept JVM does not fit, this process starts its own, and one
        line at INFO says why.

        Example:
            spark = KafkaUtils.spark_session({"spark.sql.session.timeZone": "UTC"})

        Args:
            conf: your settings for a new session. The master defaults to `local[2]`.

        Raises:
            SparkSetupError, JarError, TypeError, ValueError: as for `spark_conf` and
                `attach`.
        """
        return session({} if conf is None else _arguments.settings("conf", conf))

    @staticmethod
    def spark_submit_args(conf: Mapping[str, str] | None = None) -> list[str]:
        """Arguments for `spark-submit`, to put before the script's name.

        They add the Kafka connector with `--jars`, and settings that make tests fast
        with `--conf`.

        Example:
            arguments = [*KafkaUtils.spark_submit_args(), "job.py", kafka.broker]
            job = subprocess.Popen(["spark-submit", *arguments])

        Args:
            conf: your settings, which take precedence.

        Raises:
            SparkSetupError, JarError, TypeError, ValueError: as for `spark_conf`.
        """
        return spark.submit_arguments(
            {} if conf is None else _arguments.settings("conf", conf)
        )

    @staticmethod
    def attach(spark: SparkSession) -> None:
        """Add the helper and the Kafka connector to a session that is already running.

        What the session already has is not added again. Jars added to a live session
        are visible to the Python thread that calls this. Every Python thread has its
        own JVM thread, so call it in each thread that reads or writes Kafka with this
        session.

        A Spark Connect session gets the connector uploaded from this machine, for
        itself alone. The helper runs in a JVM on this machine.

        Raises:
            SparkSetupError: a session that is stopped, one whose class path has a
                connector or helper that does not fit (the message names it), or a
                Connect server whose Spark minor version is not in the lock file.
            JarError: a jar can't be found or fetched.
            TypeError: the argument is not a session.
        """
        _arguments.session("spark", spark)
        attach(spark)

    # Internals

    def _seconds(self, name: str, value: float, *, positive: bool = False) -> float:
        """A timeout that the caller gave, times the factor."""
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
        """Why what was waited for has not come.

        Looks at the query that was given, or at all running ones.
        """
        if self._cluster is None:
            return []
        return causes(self._cluster, active_queries() if query is None else [query])

    def _set_up(self, caller: str) -> Cluster:
        cluster = self._cluster  # another thread may tear it down meanwhile
        if cluster is None:
            raise NotSetUpError(
                f"KafkaUtils is not set up: {caller} needs a broker. Call setup() "
                "first."
            )
        if self._pid != os.getpid():
            raise NotSetUpError(
                f"KafkaUtils was set up in process {self._pid}, but {caller} was "
                f"called in its child {os.getpid()}. Connections do not survive a "
                "fork. Make a KafkaUtils(bootstrap_servers=...) in the child."
            )
        return cluster


_every: weakref.WeakSet[KafkaUtils] = weakref.WeakSet()


def _after_fork() -> None:
    """Give a forked child new locks.

    A thread of the parent may have held one, and the child does not have that thread.
    """
    for utils in list(_every):
        utils._lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


def cluster_of(utils: KafkaUtils) -> Cluster:
    """What the object has set up, even if its broker has ended.

    For the kit's own test integrations.

    Raises:
        NotSetUpError: it is not set up.
    """
    return utils._set_up("cluster_of()")


def observe(utils: KafkaUtils, on_use: OnUse) -> None:
    """Register a function that is called with each use of a topic, before `setup()`."""
    utils._on_use.append(on_use)


def _look_around() -> None:
    """Warn of parts that do not fit together, where checking takes milliseconds."""
    findings = preflight.check_packages()
    session = active_session()
    if session is not None:
        findings += preflight.mismatches(session)
    preflight.warn(findings)


def _check_apart(names: Sequence[str]) -> None:
    """Refuse names that differ only in '.' and '_'.

    Kafka's metrics replace '.' with '_', so brokers refuse a topic that differs from an
    existing one only in that. Within one request they notice it too late.
    """
    by_metric: dict[str, str] = {}
    for name in names:
        other = by_metric.setdefault(name.replace(".", "_"), name)
        if other != name:
            raise ValueError(
                f"topic_names must not have both {other!r} and {name!r}: Kafka's "
                "metrics can't tell '.' from '_', so brokers refuse the second."
            )
