"""kafka-python's producer, for the kit and for users."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.compat import reaching, started, supported
from spark_kafka_testkit.serde import encode, encode_value

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = [
    "close_at_once",
    "end_transaction",
    "forget_topics",
    "make_producer",
    "partition_of",
]

CLOSE_SECONDS = 1.0
LOOK_MILLIS = 250


def make_producer(
    config: ClientConfig,
    to_bytes: Callable[[Any], bytes | None] | None = None,
    **settings: Any,
) -> KafkaProducer:
    """A kafka-python producer that waits for all replicas.

    It encodes keys and values by the kit's rules, or with `to_bytes`.
    """
    with reaching(config):
        from kafka import KafkaProducer

        _clock.keep_running("kafka")
        ours = {
            "acks": "all",
            "key_serializer": _serializer(to_bytes or encode),
            "value_serializer": _serializer(to_bytes or encode_value),
            **supported(KafkaProducer, bootstrap_timeout_ms=10_000, **settings),
        }
        return KafkaProducer(**{**config.for_kafka_python(KafkaProducer), **ours})


def partition_of(key: bytes, count: int) -> int:
    """The partition to which Kafka's producers send a key, out of `count`."""
    from kafka.partitioner.default import murmur2

    return int((murmur2(key) & 0x7FFFFFFF) % count)


def close_at_once(producer: KafkaProducer) -> None:
    """Close the producer without sending what is left.

    Its own `close` waits for the rest, again for each batch. If the wait is in vain, it
    leaves everything as it is.
    """
    sender: Any = getattr(producer, "_sender", None)
    if sender is None:
        producer.close(timeout=CLOSE_SECONDS)
        return
    sender.force_close()
    sender.join(CLOSE_SECONDS)
    if sender.is_alive():  # dropping the producer closes it, which waits as well
        started(partial(_close_when_ended, producer, sender))
    else:
        _close_when_ended(producer, sender)


def _close_when_ended(producer: KafkaProducer, sender: threading.Thread) -> None:
    from kafka.errors import KafkaError

    sender.join()
    with suppress(KafkaError):  # about what it has not sent
        producer.close(timeout=0)


def end_transaction(
    producer: KafkaProducer, is_commit: bool, is_over: Callable[[], bool]
) -> bool:
    """Commit or abort, and return whether that was done.

    It is False if `is_over`, called now and then, says that it has taken too long.
    kafka-python's own methods would wait forever.
    """
    manager: Any = producer._transaction_manager
    result = manager.begin_commit() if is_commit else manager.begin_abort()
    producer._sender.wakeup()
    while not result.wait(timeout_ms=LOOK_MILLIS):
        if is_over():
            return False
    return True


def forget_topics(producer: KafkaProducer, topics: Iterable[str]) -> None:
    """Keep the producer from asking for topics that are gone.

    kafka-python 3 (3.0.12) asks without a pause while its queues have a partition
    without a leader, even an empty one. That takes half of the interpreter's time, and
    kafka-python offers nothing to stop it.
    """
    gone = set(topics)
    metadata: Any = getattr(producer, "_metadata", None)
    if isinstance(known := getattr(metadata, "_topics", None), set):
        metadata._topics = known - gone
    queues = getattr(getattr(producer, "_accumulator", None), "_batches", None)
    if isinstance(queues, dict):
        for partition in list(queues):
            if partition.topic in gone and not queues[partition]:
                queues.pop(partition)


def _serializer(to_bytes: Callable[[Any], bytes | None]) -> Any:
    """Wrap the function in kafka-python's serializer class.

    Its method accepts (topic, data) in 2.x and (topic, headers, data) in 3.x.
    """
    from kafka.serializer import Serializer

    class KitSerializer(Serializer):  # type: ignore[misc]
        def serialize(self, topic: str, *rest: Any) -> bytes | None:
            return to_bytes(rest[-1])

    return KitSerializer()
