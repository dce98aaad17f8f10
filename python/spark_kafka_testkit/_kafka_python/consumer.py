"""kafka-python's consumer, as the kit needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.compat import supported
from spark_kafka_testkit.errors import MissingDependencyError

if TYPE_CHECKING:
    from kafka import KafkaConsumer

    from spark_kafka_testkit._model.client_config import ClientConfig
    from spark_kafka_testkit._model.offsets import Isolation

__all__ = ["lost_positions", "make_consumer", "naming_codecs"]


def lost_positions() -> tuple[type[Exception], ...]:
    """kafka-python's errors for a position that the topic no longer has."""
    from kafka import errors

    names = ("OffsetOutOfRangeError", "LogTruncationError")  # the last one exists in 3
    return tuple(getattr(errors, name) for name in names if hasattr(errors, name))


@contextmanager
def naming_codecs(topic: str) -> Iterator[None]:
    """Say how to get the codec of a record that a poll in the block can't read.

    Raises:
        MissingDependencyError: there is such a record.
    """
    from kafka.errors import UnsupportedCodecError

    try:
        yield
    except UnsupportedCodecError as error:
        raise MissingDependencyError(
            f"Topic {topic!r} holds records compressed with a codec that "
            f"kafka-python lacks here ({error}). Install it with: "
            "pip install 'spark-kafka-testkit[codecs]'"
        ) from error


@contextmanager
def make_consumer(
    config: ClientConfig, isolation: Isolation, wait_millis: int = 50
) -> Iterator[KafkaConsumer]:
    """A kafka-python consumer without a group, which never chooses an offset itself.

    Args:
        config: how to reach the cluster.
        isolation: which records of transactions it sees.
        wait_millis: how long the broker holds back the answer to a fetch if there is
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
        "retry_backoff_ms": 10,  # the sleep of its first poll
        "max_partition_fetch_bytes": 8 << 20,
        **supported(
            KafkaConsumer, allow_auto_create_topics=False, bootstrap_timeout_ms=10_000
        ),
    }
    consumer = KafkaConsumer(**{**config.for_kafka_python(KafkaConsumer), **ours})
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)
