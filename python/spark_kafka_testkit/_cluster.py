"""What is set up: a broker, its clients, and the topics that were created on it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock, _timeline
from spark_kafka_testkit._brokers.broker import Broker
from spark_kafka_testkit._clients.choice import Clients
from spark_kafka_testkit._clients.protocol import Client
from spark_kafka_testkit._jvm.spark_jvm import close_producers
from spark_kafka_testkit._kafka_python import topics
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.compat import reaching
from spark_kafka_testkit._kafka_python.producer import forget_topics, make_producer
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import PartitionOffsets
from spark_kafka_testkit._model.send_report import Written
from spark_kafka_testkit._spark.running import kafka_package
from spark_kafka_testkit._text import did_you_mean, is_misspelled
from spark_kafka_testkit.errors import (
    BrokerEndedError,
    BrokerUnreachableError,
    KafkaTestkitError,
    NotSetUpError,
    UnknownTopicError,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from kafka import KafkaAdminClient, KafkaProducer
    from pyspark.sql import SparkSession

__all__ = ["Cluster", "OnUse"]

log = logging.getLogger("spark_kafka_testkit")

OnUse = Callable[[str | None, str | None], None]
"""Called with the topic that is used, and the client's name if one moves records.

The topic is None if it is one of the kit's own.
"""


class Cluster:
    """A broker that is set up, until `close()`.

    Args:
        broker: the broker, which is stopped at the end.
        client_config: settings for the clients (see `ClientConfig`).
        on_use: functions that are called with each use of a topic.

    Attributes:
        config: how to reach the broker.
        since: when it was set up, in seconds since the epoch.
        created: the topics that were created here and still exist.
        unasked: those of them that were created because something was sent to them.
        own: topics that the kit creates for itself, and that no user knows.
    """

    def __init__(
        self,
        broker: Broker,
        client_config: Mapping[str, str] | None = None,
        on_use: Iterable[OnUse] = (),
    ) -> None:
        self.broker = broker
        self.since = _clock.now()
        self.config = ClientConfig(broker.bootstrap_servers, client_config or {})
        self.created: set[str] = set()
        self.unasked: set[str] = set()
        self.own: set[str] = set()
        self._on_use = tuple(on_use)
        self._known: set[str] = set()
        self._gone: set[str] = set()
        self._lock = threading.RLock()
        self._admin = Admin(self.config)
        self._clients = Clients(self.config, self.check_usable)
        self._producer: KafkaProducer | None = None
        self._pid = os.getpid()
        self._is_closed = False
        self._running: list[Callable[[], object]] = []

    # Clients

    @property
    def producer(self) -> KafkaProducer:
        """kafka-python's producer for users, created on first use."""
        self.check_usable()
        with self._lock:
            self.check_usable()  # it may have been closed meanwhile
            if self._producer is None:
                self._producer = make_producer(self.config)
            return self._producer

    @property
    def admin_client(self) -> KafkaAdminClient:
        """kafka-python's admin client for users, created on first use."""
        self.check_usable()
        return self._admin.client

    def spark_options(self) -> dict[str, str]:
        """The options that Spark's Kafka source and sink need to reach the broker.

        Classes that the settings name are given in the package where the active
        session's connector has Kafka's classes.
        """
        if not self.config.names_classes:
            return self.config.for_spark()
        return self.config.for_spark(kafka_package())

    def client(self, spark: SparkSession | None = None) -> Client:
        """The client that moves the records now (see `Clients.choose`).

        Raises:
            NotSetUpError: after `close()`, or in a forked child.
            BrokerEndedError: the broker has ended unexpectedly.
        """
        self.check_usable()
        _clock.load_arrow()
        with self._lock:
            self.check_usable()  # it may have been closed meanwhile
            return self._clients.choose(spark)

    def check_usable(self) -> None:
        """Raise an error if the cluster can no longer be used.

        Raises:
            NotSetUpError: after `close()`, or in a forked child.
            BrokerEndedError: the broker has ended unexpectedly.
        """
        if self._is_closed:
            raise NotSetUpError(
                "The broker has been torn down since it was set up. Call setup() "
                "again, and use the new broker."
            )
        if self._pid != os.getpid():
            raise NotSetUpError(
                f"The broker was set up in process {self._pid} and used in its child "
                f"{os.getpid()}, but connections do not survive a fork. Make a "
                "KafkaUtils(bootstrap_servers=...) in the child."
            )
        if how := self.broker.ended:
            raise BrokerEndedError(self.broker.describe(), how, self._log_tail())

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Report a broker that does not answer, or why it can't be asked at all."""
        try:
            with reaching(self.config):
                yield
        except Exception:
            self.check_usable()
            raise

    def _log_tail(self) -> str:
        try:
            return self.broker.log_tail()
        except Exception as error:  # noqa: BLE001  the broker's owner may be gone too
            return f"(no log: {error})"

    def client_for(self, topic: str, spark: SparkSession | None = None) -> Client:
        """The client that moves the records now, noting a use of this topic."""
        client = self.client(spark)
        self._tell([topic], client.name)
        return client

    def _tell(self, names: Iterable[str], client: str | None) -> None:
        for on_use in self._on_use:
            for name in names:
                on_use(None if name in self.own else name, client)

    # Topics

    def create_topics(
        self, names: Sequence[str], num_partitions: int = 1, replication_factor: int = 1
    ) -> None:
        """Create topics, and return when they are ready to use.

        Raises:
            TopicExistsError, TopicError: as for `topics.create_topics`.
            BrokerUnreachableError: with the topics that may have been created.
        """
        self.check_usable()
        with self._lock:
            before = set(self.created)
            try:
                with self._reaching():
                    topics.create_topics(
                        self._admin,
                        names,
                        num_partitions,
                        replication_factor,
                        created=self.created,
                    )
            except BrokerUnreachableError as error:
                asked = self.created - before
                error.topics = tuple(name for name in names if name in asked)
                raise
            finally:
                self.broker.note_topics(self.created)
            self._known.update(names)
            if not self._gone.isdisjoint(names):
                close_producers()  # they would wait for partitions of the old one
                self._gone.difference_update(names)
        self._tell(names, None)

    def ensure_topic(self, name: str, num_partitions: int = 1) -> None:
        """Create the topic if it does not exist.

        A broker that the kit started does not create topics automatically.
        """
        with self._lock:
            if name in self._known:
                return
            if not self.has_topic(name):
                hint = self._similar(name, is_misspelled)
                log.log(
                    logging.WARNING if hint else logging.INFO,
                    "topic %r did not exist, so it was created with %d partition(s).%s",
                    name,
                    num_partitions,
                    hint,
                )
                self.create_topics([name], num_partitions)
                self.unasked.add(name)
            self._known.add(name)

    def require_topics(self, names: Iterable[str], user: str) -> None:
        """Check that topics exist.

        Args:
            names: their names.
            user: who uses them and how, such as "The stream reads".

        Raises:
            UnknownTopicError: for the first topic that does not exist.
        """
        asked = list(names)
        self.check_usable()
        with self._reaching():
            existing = self._admin.existing(asked)
        for name in asked:
            if name not in existing:
                raise UnknownTopicError(name, user, self._similar(name))

    def has_topic(self, name: str) -> bool:
        """Whether the topic exists."""
        self.check_usable()
        with self._reaching():
            return bool(self._admin.existing([name]))

    @contextmanager
    def suggesting(self) -> Iterator[None]:
        """Add to an unknown topic's error which topic may have been meant."""
        try:
            yield
        except UnknownTopicError as error:
            hint = self._similar(error.topic)
            if not hint:
                raise
            raise UnknownTopicError(error.topic, hint=hint) from error.__cause__

    def _similar(
        self, name: str, is_like: Callable[[str, str], bool] = lambda *_: True
    ) -> str:
        """Which topic may have been meant, or an empty string if none is similar."""
        try:
            with self._reaching():
                names = self._admin.topic_names()
        except KafkaTestkitError:
            return ""  # the caller has its own error to report
        others = (other for other in names if other != name and is_like(name, other))
        return did_you_mean(name, others)

    def add_partition(self, topic: str) -> None:
        """Add a partition to a topic."""
        count = len(self.offsets(topic)) + 1
        with self._reaching():
            self._admin.grow(topic, count)

    def delete_records(self, topic: str) -> None:
        """Have the broker delete all records of a topic, as its retention does."""
        ends = self.ends(topic)
        with self._reaching():
            self._admin.delete_records(topic, ends)

    def leave_topics(self) -> None:
        """Keep `close()` from deleting the topics that were created here."""
        with self._lock:
            self.created.clear()

    def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics, and return when they are gone.

        Raises:
            ValueError: on an external broker, a topic that was not created here.
            TopicError: as for `topics.delete_topics`.
            BrokerUnreachableError: with the topics that may be gone.
        """
        self.check_usable()
        with self._lock:
            if self.broker.is_visited:
                self._check_own(names)
            self._known.difference_update(names)
            self._gone.update(names)
            self.unasked.difference_update(names)
            try:
                with self._reaching():
                    topics.delete_topics(self._admin, names, created=self.created)
            except BrokerUnreachableError as error:
                error.topics = tuple(names)
                raise
            finally:
                self.broker.note_topics(self.created)
                if self._producer is not None:
                    forget_topics(self._producer, names)
                for client in self._clients.made():
                    client.forget(names)

    def _check_own(self, names: Sequence[str]) -> None:
        with self._reaching():
            existing = self._admin.existing(names)
        others = [name for name in existing if name not in self.created]
        if others:
            raise ValueError(
                f"Topics {others} were not created by this KafkaUtils, which deletes "
                "only its own topics on an external broker. If they are yours, use "
                "admin_client.delete_topics()."
            )

    def internal_or_not(self) -> dict[str, bool]:
        """All topics of the broker, each with whether it is internal to Kafka."""
        self.check_usable()
        with self._reaching():
            return self._admin.internal_or_not()

    def offsets(self, topic: str) -> dict[int, PartitionOffsets]:
        """The offsets of a topic, per partition.

        Raises:
            UnknownTopicError: the topic does not exist.
        """
        partitions = self.client_for(topic).capture(topic).partitions
        _timeline.topic_ends(
            topic, {number: at.end for number, at in partitions.items()}
        )
        return partitions

    def ends(self, topic: str) -> dict[int, int]:
        """The end offset of each partition.

        Raises:
            UnknownTopicError: the topic does not exist.
        """
        return {number: at.end for number, at in self.offsets(topic).items()}

    # Records

    def send(
        self, topic: str, batches: pa.RecordBatchReader, transactional: bool = False
    ) -> dict[int, Written]:
        """Send rows, and return what was written to each partition.

        Raises:
            SendError: some were not acknowledged.
            UnknownTopicError: the topic does not exist, and the broker does not create
                it.
        """
        self.check_usable()
        if not self.broker.is_visited:  # on an external broker, it decides
            self.ensure_topic(topic)
        report = self.client_for(topic).send(topic, batches, transactional)
        if not report.is_complete and self._is_closed:
            self.check_usable()
        written = report.written
        _timeline.topic_ends(
            topic, {number: of.last + 1 for number, of in written.items()}
        )
        report.raise_unless_complete(topic)
        return written

    # The end

    def begin(self, stop: Callable[[], object]) -> None:
        """Note something that `close()` must stop while the broker still exists.

        A query that has lost its broker can't be stopped for half a minute.
        """
        self._running.append(stop)

    def end(self, stop: Callable[[], object]) -> None:
        """Note that it has ended."""
        if stop in self._running:
            self._running.remove(stop)

    def close(self) -> None:
        """Close the clients and end the broker. A step that fails is logged.

        On an external broker, the topics that were created here are deleted. Calls
        under way in other threads end soon, with a NotSetUpError.
        """
        self._is_closed = True
        for stop in list(self._running):
            _attempt("stopping a stream", stop)
        with self._lock:
            for client in self._clients.made():
                _attempt(f"closing the {client.name} client", client.close)
            if self._producer is not None:
                producer = self._producer
                _attempt("closing the producer", lambda: producer.close(timeout=1))
            if self.broker.is_visited and self.created:
                _attempt("deleting the kit's topics", self._delete_created)
            if not self.broker.ended:
                _attempt("closing Spark's producers", close_producers)
            _attempt("closing the admin client", self._admin.close)
            _attempt("stopping the broker", self.broker.stop)

    def _delete_created(self) -> None:
        with reaching(self.config):
            topics.delete_topics(
                self._admin, sorted(self.created), created=self.created
            )


def _attempt(what: str, step: Callable[[], Any]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001  the next step must run whatever this one does
        log.warning("teardown: %s failed: %s: %s", what, type(error).__name__, error)
