"""kafka-python's producer: that of the kit, and that which users get."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.compat import reaching, supported
from spark_kafka_testkit.serde import encode

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = ["forget_topics", "make_producer"]


def make_producer(
    config: ClientConfig,
    to_bytes: Callable[[Any], bytes | None] = encode,
    **settings: Any,
) -> KafkaProducer:
    """A kafka-python producer that waits for all replicas.

    It encodes keys and values by the kit's rules, or as `to_bytes` does.
    """
    with reaching(config):
        from kafka import KafkaProducer

        _clock.keep_running("kafka")
        serializer = _serializer(to_bytes)
        ours = {
            "acks": "all",
            "key_serializer": serializer,
            "value_serializer": serializer,
            **supported(KafkaProducer, bootstrap_timeout_ms=10_000, **settings),
        }
        return KafkaProducer(**{**config.for_kafka_python(KafkaProducer), **ours})


def forget_topics(producer: KafkaProducer, topics: Iterable[str]) -> None:
    """Lets the producer ask no more for topics that are gone.

    kafka-python 3 (3.0.12) asks without a pause while its queues have a partition
    without a leader, though it be empty, which takes half of the interpreter's time; it
    offers nothing to stop it.
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
    """The function as kafka-python's serializer class.

    Its method takes (topic, data) in 2.x, (topic, headers, data) in 3.x.
    """
    from kafka.serializer import Serializer

    class KitSerializer(Serializer):  # type: ignore[misc]
        def serialize(self, topic: str, *rest: Any) -> bytes | None:
            return to_bytes(rest[-1])

    return KitSerializer()
