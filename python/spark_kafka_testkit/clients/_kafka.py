"""kafka-python's objects, made as the kit needs them; those that users get as
`producer` and `admin_client` too.

kafka-python 2.3 and 3.x are told apart by what they offer, not by version.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit.errors import BrokerUnreachableError, MissingDependencyError
from spark_kafka_testkit.offsets import Isolation, PartitionOffsets
from spark_kafka_testkit.serde import encode

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

    from spark_kafka_testkit.access import Access

__all__ = [
    "await_api",
    "describe_topics",
    "end_offsets",
    "forget_topics",
    "is_version_3",
    "make_admin",
    "make_consumer",
    "make_producer",
    "new_topics",
    "partition_offsets",
    "preload",
    "reaching",
    "require_kafka_python",
]


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
def reaching(access: Access) -> Iterator[None]:
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
            access.bootstrap_servers,
            f"{type(error).__name__}: {error}.{access.login_hint()}",
        ) from error


def supported(kind: Any, **settings: Any) -> dict[str, Any]:
    """Those of the settings that this version of kafka-python has."""
    return {
        name: value for name, value in settings.items() if name in kind.DEFAULT_CONFIG
    }


def make_admin(access: Access, timeout_seconds: float = 10.0) -> KafkaAdminClient:
    """A kafka-python admin client.

    Raises:
        BrokerUnreachableError: nobody answers within the time.
    """
    with reaching(access):
        from kafka import KafkaAdminClient

        _clock.keep_running("kafka")
        millis = round(timeout_seconds * 1000)
        settings = supported(
            KafkaAdminClient,
            bootstrap_timeout_ms=millis,
            api_version_auto_timeout_ms=millis,
        )
        return KafkaAdminClient(
            **{**access.for_kafka_python(KafkaAdminClient), **settings}
        )


def await_api(access: Access, timeout_seconds: float = 10.0) -> None:
    """Returns when a broker answers a request at the address that it advertises.

    Raises:
        BrokerUnreachableError: none does within the time.
    """
    with reaching(access):
        admin = make_admin(access, timeout_seconds)
        try:
            admin.list_topics()
        finally:
            admin.close()


def is_version_3(admin: KafkaAdminClient) -> bool:
    """Whether kafka-python is 3 or newer, which deprecates NewTopic."""
    return hasattr(admin, "wait_for_topics")


def new_topics(admin: KafkaAdminClient, shapes: Mapping[str, dict[str, Any]]) -> Any:
    """What `create_topics` takes for topics of these shapes, given in the words of
    kafka-python 3.
    """
    if is_version_3(admin):
        return dict(shapes)
    from kafka.admin import NewTopic

    return [
        NewTopic(
            name,
            shape.get("num_partitions", -1),
            shape.get("replication_factor", -1),
            shape.get("assignments"),
            shape.get("configs"),
        )
        for name, shape in shapes.items()
    ]


def describe_topics(
    admin: KafkaAdminClient, topics: Sequence[str]
) -> list[dict[str, Any]]:
    """What the broker says of the topics, in the words of kafka-python 3."""

    def renamed(part: dict[str, Any]) -> dict[str, Any]:
        index = part.get("partition_index", part.get("partition"))
        leader = part.get("leader_id", part.get("leader"))
        return {**part, "partition_index": index, "leader_id": leader}

    return [
        {
            **info,
            "name": info.get("name", info.get("topic")),
            "partitions": [renamed(part) for part in info["partitions"]],
        }
        for info in (admin.describe_topics(list(topics)) if topics else ())
    ]


def end_offsets(admin: KafkaAdminClient, partitions: Iterable[Any]) -> dict[Any, int]:
    """The partitions' end offsets (high watermarks), by one request to each leader; a
    KafkaError where a leader does not answer.
    """
    if hasattr(admin, "list_partition_offsets"):
        from kafka.admin import OffsetSpec

        return _listed(admin, partitions, OffsetSpec.LATEST)
    with make_consumer(_AdminsAccess(admin), "read_uncommitted") as consumer:
        return dict(consumer.end_offsets(list(partitions)))


def partition_offsets(
    admin: KafkaAdminClient, partitions: Iterable[Any]
) -> dict[Any, PartitionOffsets]:
    """Where the partitions stand; a KafkaError where a leader does not answer."""
    wanted = list(partitions)
    if hasattr(admin, "list_partition_offsets"):
        from kafka.admin import OffsetSpec
        from kafka.protocol.consumer import IsolationLevel

        beginning = _listed(admin, wanted, OffsetSpec.EARLIEST)
        end = end_offsets(admin, wanted)
        stable = _listed(
            admin, wanted, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED
        )
    else:
        access = _AdminsAccess(admin)
        with make_consumer(access, "read_uncommitted") as consumer:
            beginning = consumer.beginning_offsets(wanted)
        end = end_offsets(admin, wanted)
        with make_consumer(access, "read_committed") as consumer:
            stable = consumer.end_offsets(wanted)
    return {p: PartitionOffsets.of(beginning[p], end[p], stable[p]) for p in wanted}


def _listed(
    admin: KafkaAdminClient, partitions: Iterable[Any], spec: Any, *isolation: Any
) -> dict[Any, int]:
    """The offsets by kafka-python 3's admin client."""
    asked = dict.fromkeys(partitions, spec)
    found = admin.list_partition_offsets(asked, *isolation)
    return {partition: answer.offset for partition, answer in found.items()}


class _AdminsAccess:
    """The access of an admin client, for other clients of kafka-python."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._config = admin.config

    def for_kafka_python(self, kind: Any) -> dict[str, Any]:
        names = ("bootstrap_servers", "security_protocol", "ssl_context")
        return {
            name: value
            for name, value in self._config.items()
            if name in kind.DEFAULT_CONFIG and name.startswith(("sasl_", *names))
        }


def make_producer(
    access: Access,
    to_bytes: Callable[[Any], bytes | None] = encode,
    **settings: Any,
) -> KafkaProducer:
    """A kafka-python producer that encodes keys and values by the kit's rules, or as
    `to_bytes` does, and waits for all replicas.
    """
    with reaching(access):
        from kafka import KafkaProducer

        _clock.keep_running("kafka")
        serializer = _serializer(to_bytes)
        ours = {
            "acks": "all",
            "key_serializer": serializer,
            "value_serializer": serializer,
            **supported(KafkaProducer, bootstrap_timeout_ms=10_000, **settings),
        }
        return KafkaProducer(**{**access.for_kafka_python(KafkaProducer), **ours})


def forget_topics(producer: KafkaProducer, topics: Iterable[str]) -> None:
    """Lets the producer ask no more for topics that are gone. kafka-python 3 (3.0.12)
    asks without a pause while its queues have a partition without a leader, though it
    be empty, which takes half of the interpreter's time; it offers nothing to stop it.
    """
    gone = set(topics)
    metadata: Any = getattr(producer, "_metadata", None)
    if isinstance(known := getattr(metadata, "_topics", None), set):
        metadata._topics = known - gone
    queues = getattr(getattr(producer, "_accumulator", None), "_batches", None)
    if isinstance(queues, dict):
        for partition in [item for item in list(queues) if item.topic in gone]:
            if not queues[partition]:
                queues.pop(partition)


def _serializer(to_bytes: Callable[[Any], bytes | None]) -> Any:
    """The function as kafka-python's serializer class, whose method takes (topic,
    data) in 2.x, (topic, headers, data) in 3.x.
    """
    from kafka.serializer import Serializer

    class KitSerializer(Serializer):  # type: ignore[misc]
        def serialize(self, topic: str, *rest: Any) -> bytes | None:
            return to_bytes(rest[-1])

    return KitSerializer()


@contextmanager
def make_consumer(
    access: Access | _AdminsAccess, isolation: Isolation, wait_millis: int = 50
) -> Iterator[KafkaConsumer]:
    """A kafka-python consumer without a group, which never chooses an offset itself.

    Args:
        access: how the cluster is reached.
        isolation: what of transactions it sees.
        wait_millis: how long the broker holds back the answer to a fetch while there is
            nothing to read.
    """
    from kafka import KafkaConsumer

    _clock.keep_running("kafka")
    ours = {
        "isolation_level": isolation,
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "group_id": None,
        "fetch_max_wait_ms": wait_millis,
        "retry_backoff_ms": 10,  # it sleeps so long at a first poll
        "max_partition_fetch_bytes": 8 << 20,
        **supported(
            KafkaConsumer, allow_auto_create_topics=False, bootstrap_timeout_ms=10_000
        ),
    }
    consumer = KafkaConsumer(**{**access.for_kafka_python(KafkaConsumer), **ours})
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)
