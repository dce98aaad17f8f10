"""The administration of a cluster, with one set of methods for kafka-python 2 and 3."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.compat import (
    awaited,
    new_topics,
    reaching,
    started,
    supported,
)
from spark_kafka_testkit._kafka_python.consumer import make_consumer
from spark_kafka_testkit._model.offsets import PartitionOffsets
from spark_kafka_testkit.errors import NotSetUpError, TopicError

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = ["UNKNOWN_TOPIC", "Admin", "await_api"]

ANSWER_SECONDS = 60.0  # twice as long as kafka-python gives a request
AGAIN_SECONDS = 2.0
GONE_TRIES = 5
LOOK_SECONDS = 0.005
NO_TOPIC: dict[str, Any] = {"partitions": []}
UNKNOWN_TOPIC = ("UnknownTopicOrPartitionError", "InvalidTopicError")
"""The names of kafka-python's errors for a topic that does not exist."""


class Admin:
    """kafka-python's admin client, made at the first use.

    Answers have the form of kafka-python 3. If a version can't ask for something, the
    method says so. Several threads may use it, although kafka-python's own client
    serves one at a time. It is a context manager.

    Args:
        config: how to reach the cluster.
        timeout_seconds: how long the first use may take to reach it.
        answer_seconds: how long any other use may take. Then it ends with a
            KafkaTimeoutError, and the next use makes a new client.
    """

    def __init__(
        self,
        config: ClientConfig,
        timeout_seconds: float = 10.0,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._config, self._timeout_seconds = config, timeout_seconds
        self._answer_seconds = answer_seconds
        self._lock = threading.RLock()
        self._client: KafkaAdminClient | None = None
        self._is_closed = False

    @property
    def client(self) -> KafkaAdminClient:
        """kafka-python's own object.

        Raises:
            BrokerUnreachableError: nothing answers in time.
        """
        with self._lock:
            return self._connected(self._timeout_seconds)

    def _connected(self, seconds: float) -> KafkaAdminClient:
        """The client, made if there is none. A closed Admin leaves none behind."""
        self._check_open()
        client = self._client = self._client or self._connect(seconds)
        if self._is_closed:  # closed meanwhile
            self._drop()
            self._check_open()
        return client

    def _check_open(self) -> None:
        if self._is_closed:
            raise NotSetUpError("The admin client is closed.")

    def _connect(self, seconds: float) -> KafkaAdminClient:
        with reaching(self._config):
            from kafka import KafkaAdminClient

            _clock.keep_running("kafka")
            millis = round(seconds * 1000)
            settings = supported(
                KafkaAdminClient,
                bootstrap_timeout_ms=millis,
                api_version_auto_timeout_ms=millis,
            )
            return KafkaAdminClient(
                **{**self._config.for_kafka_python(KafkaAdminClient), **settings}
            )

    def _ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of kafka-python's client.

        A client that has lost its connection does not look again for a while, although
        the broker may be back. In that case a new client is asked, once.
        """
        from kafka.errors import KafkaConnectionError, NodeNotReadyError

        with self._lock:
            try:
                return self._answer(getattr(self.client, method), args, options)
            except (KafkaConnectionError, NodeNotReadyError):
                self._drop()
                again = self._connected(AGAIN_SECONDS)
                return self._answer(getattr(again, method), args, options)

    def _answer(
        self, method: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        """Wait for the answer of a method.

        It may never come, if kafka-python's own thread has met something unexpected.
        """
        from kafka.errors import KafkaTimeoutError

        outcome = awaited(
            partial(method, *args, **options), self._check_open, self._answer_seconds
        )
        if not outcome.done():
            client, self._client = self._client, None
            if client is not None:
                started(client.close)
            raise KafkaTimeoutError(
                f"kafka-python's {method.__name__} did not return within "
                f"{self._answer_seconds:g} s"
            )
        return outcome.result()

    def topic_names(self) -> list[str]:
        """All topics, including Kafka's own."""
        return list(self._ask("list_topics"))

    def internal_or_not(self) -> dict[str, bool]:
        """All topics, and whether each is one of Kafka's own."""
        return {info["name"]: bool(info["is_internal"]) for info in self.describe(None)}

    def describe(self, topics: Sequence[str] | None) -> list[dict[str, Any]]:
        """The broker's description of each topic, or with None of all topics."""
        if topics is not None and not topics:
            return []  # kafka-python would read an empty list as all topics
        names = None if topics is None else list(topics)
        return [
            {
                **info,
                "name": info.get("name", info.get("topic")),
                "partitions": [_renamed(part) for part in info["partitions"]],
            }
            for info in self._ask("describe_topics", names)
        ]

    def existing(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The topics that the broker knows, by name."""
        from kafka.errors import for_code

        return {
            info["name"]: info
            for info in self.describe(names)
            if for_code(info["error_code"]).__name__ not in UNKNOWN_TOPIC
        }

    def create(
        self, shapes: Mapping[str, dict[str, Any]], asked: set[str]
    ) -> Iterator[tuple[str, Exception | None]]:
        """Ask for topics of these shapes, and return the outcome of each.

        Shapes have the form of kafka-python 3. Each name is added to `asked` before the
        request, because an answer may never come.
        """
        topics = new_topics(self.client, shapes)
        return self._each("create_topics", list(shapes), topics, asked)

    def delete(self, names: Sequence[str]) -> Iterator[tuple[str, Exception | None]]:
        """Ask to delete topics, and return the outcome of each."""
        return self._each("delete_topics", list(names), list(names), set())

    def grow(self, topic: str, count: int) -> None:
        """Raise the number of partitions, and wait until the broker lists them."""
        from kafka.admin import NewPartitions

        self._ask("create_partitions", {topic: NewPartitions(count)})
        deadline = _clock.monotonic() + self._timeout_seconds
        while len(self.existing([topic]).get(topic, NO_TOPIC)["partitions"]) < count:
            if _clock.monotonic() > deadline:
                raise TopicError(
                    [topic],
                    f"Topic {topic!r} does not have {count} partitions after "
                    f"{self._timeout_seconds:g} s. Is the broker overloaded?",
                )
            time.sleep(LOOK_SECONDS)

    def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Ask the broker to delete what a topic has before an offset, by partition."""
        from kafka import TopicPartition

        self._ask(
            "delete_records",
            {TopicPartition(topic, number): end for number, end in before.items()},
        )

    def _each(
        self, method: str, names: list[str], topics: Any, asked: set[str]
    ) -> Iterator[tuple[str, Exception | None]]:
        """Make the call, and return the outcome of each topic.

        kafka-python 3 sends one request for all topics, and 2 sends one for each.
        """
        from kafka.errors import BrokerResponseError, for_code

        if not names:
            return
        call = getattr(self.client, method)
        if "raise_errors" in inspect.signature(call).parameters:
            asked.update(names)
            for answer in self._ask(method, topics, raise_errors=False)["topics"]:
                code, text = answer["error_code"], answer.get("error_message")
                yield answer["name"], for_code(code)(text) if code else None
            return
        for name, topic in zip(names, topics, strict=True):
            asked.add(name)
            try:
                self._ask(method, [topic])
            except BrokerResponseError as error:
                yield name, error
            else:
                yield name, None

    def end_offsets(self, partitions: Iterable[Any]) -> dict[Any, int]:
        """The end offsets (high watermarks) of partitions, one request to each leader.

        Raises:
            KafkaError: a leader does not answer.
        """
        if hasattr(self.client, "list_partition_offsets"):
            from kafka.admin import OffsetSpec

            return self._listed(partitions, OffsetSpec.LATEST)
        with make_consumer(self._config, "read_uncommitted") as consumer:
            return dict(consumer.end_offsets(list(partitions)))

    def offsets(self, partitions: Iterable[Any]) -> dict[Any, PartitionOffsets]:
        """The offsets of partitions.

        Raises:
            KafkaError: a leader does not answer.
        """
        asked = list(partitions)
        if hasattr(self.client, "list_partition_offsets"):
            from kafka.admin import OffsetSpec
            from kafka.protocol.consumer import IsolationLevel

            beginning = self._listed(asked, OffsetSpec.EARLIEST)
            end = self._listed(asked, OffsetSpec.LATEST)
            committed = IsolationLevel.READ_COMMITTED
            stable = self._listed(asked, OffsetSpec.LATEST, committed)
        else:
            with make_consumer(self._config, "read_uncommitted") as consumer:
                beginning = consumer.beginning_offsets(asked)
                end = consumer.end_offsets(asked)
            with make_consumer(self._config, "read_committed") as consumer:
                stable = consumer.end_offsets(asked)
        return {
            partition: PartitionOffsets.of(
                beginning[partition], end[partition], stable[partition]
            )
            for partition in asked
        }

    def offsets_of_topics(
        self, topics: Mapping[str, dict[str, Any]]
    ) -> dict[tuple[str, int], PartitionOffsets]:
        """The offsets of all partitions of described topics, in order."""
        from kafka import TopicPartition

        partitions = sorted(
            TopicPartition(name, part["partition_index"])
            for name, info in topics.items()
            for part in info["partitions"]
        )
        offsets = self.offsets(partitions) if partitions else {}
        return {(at.topic, at.partition): offsets[at] for at in partitions}

    def offsets_of_existing(
        self, names: Sequence[str]
    ) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, int], PartitionOffsets]]:
        """The descriptions of those topics that exist, and the offsets in them.

        A topic may go between the two questions, as one of a running test does. Then
        both are asked again, a few times.
        """
        from kafka.errors import UnknownTopicOrPartitionError

        for _ in range(GONE_TRIES):
            known = self.existing(names)
            try:
                return known, self.offsets_of_topics(known)
            except UnknownTopicOrPartitionError:
                continue
        known = self.existing(names)
        return known, self.offsets_of_topics(known)

    def _listed(
        self, partitions: Iterable[Any], spec: Any, *isolation: Any
    ) -> dict[Any, int]:
        asked = dict.fromkeys(partitions, spec)
        answers = self._ask("list_partition_offsets", asked, *isolation)
        return {partition: answer.offset for partition, answer in answers.items()}

    def open_producers(self, partition: Any) -> tuple[int, ...]:
        """The ids of the producers with an open transaction in the partition.

        Empty with kafka-python 2, which can't ask for them.
        """
        if not hasattr(self.client, "describe_producers"):
            return ()
        (state,) = self._ask("describe_producers", [partition]).values()
        return tuple(
            sorted(
                producer.producer_id
                for producer in state.active_producers
                if producer.current_transaction_start_offset >= 0
            )
        )

    def transaction_state(self, transactional_id: str) -> str | None:
        """Kafka's name for the state of a transaction.

        None with kafka-python 2, which can't ask for it.
        """
        if not hasattr(self.client, "describe_transactions"):
            return None
        (answer,) = self._ask("describe_transactions", [transactional_id]).values()
        return str(getattr(answer.state, "value", answer.state))  # an enum in 3

    def close(self) -> None:
        """Close the client for good, even during a call that waits for an answer."""
        self._is_closed = True
        self._drop()

    def _drop(self) -> None:
        """Close the client, if there is one. The next use makes another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def await_api(config: ClientConfig, timeout_seconds: float = 10.0) -> None:
    """Wait until a broker answers a request at the address that it advertises.

    Raises:
        BrokerUnreachableError: none does in time.
    """
    with reaching(config), Admin(config, timeout_seconds) as admin:
        admin.topic_names()


def _renamed(part: dict[str, Any]) -> dict[str, Any]:
    index = part.get("partition_index", part.get("partition"))
    leader = part.get("leader_id", part.get("leader"))
    return {**part, "partition_index": index, "leader_id": leader}
