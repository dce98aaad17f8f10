"""Ask the broker about one topic. This is the twin of `TopicAdmin.scala`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.admin import UNKNOWN_TOPIC, Admin
from spark_kafka_testkit._kafka_python.consumer import make_consumer
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import (
    Isolation,
    PartitionOffsets,
    TopicSnapshot,
)
from spark_kafka_testkit.errors import TopicChangedError, UnknownTopicError

__all__ = ["TopicAdmin", "numbers_of"]

UNKNOWN_TOPIC_SECONDS = 2.0
CAPTURE_SECONDS = 20.0


class TopicAdmin:
    """One topic since it was captured: whether it is still the same, and its state.

    Args:
        config: how to reach the cluster.
        admin: the client to ask with.
        topic: its name.

    Attributes:
        partitions: the numbers of the partitions that it is known to have.
    """

    def __init__(self, config: ClientConfig, admin: Admin, topic: str) -> None:
        self._config, self._admin, self._topic = config, admin, topic
        self._topic_id: str | None = None
        self.partitions: set[int] = set()

    def capture(self, times: Sequence[int]) -> TopicSnapshot:
        """The state of the topic now."""
        from kafka.errors import KafkaError

        deadline = _clock.monotonic() + CAPTURE_SECONDS
        while True:
            try:
                return self._capture(times)
            except KafkaError as error:
                # a new leader may not know the high watermark yet
                is_passing = getattr(error, "retriable", False)
                if not is_passing or _clock.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _capture(self, times: Sequence[int]) -> TopicSnapshot:
        description = self._describe()
        self._topic_id = _id_of(description)
        self.partitions = numbers_of(description)
        offsets = self.offsets(map(self.partition, sorted(self.partitions)))
        by_number = {partition.partition: at for partition, at in offsets.items()}
        at_times = {millis: self._offsets_at(millis, by_number) for millis in times}
        return TopicSnapshot(self._topic_id, by_number, at_times)

    def _offsets_at(
        self, millis: int, offsets: dict[int, PartitionOffsets]
    ) -> dict[int, int]:
        isolation: Isolation = "read_uncommitted"
        with make_consumer(self._config, isolation) as consumer:
            answers = consumer.offsets_for_times(
                {self.partition(number): millis for number in offsets}
            )
        first = {
            partition.partition: answer.offset
            for partition, answer in answers.items()
            if answer is not None
        }
        return {
            number: min(first.get(number, at.end), at.end)
            for number, at in offsets.items()
        }

    def offsets(self, partitions: Iterable[Any]) -> dict[Any, PartitionOffsets]:
        """The current offsets of partitions."""
        return self._admin.offsets(partitions)

    def open_producers(self, partition: Any) -> tuple[int, ...]:
        """The ids of the producers with an open transaction, if they are available."""
        from kafka.errors import KafkaError

        try:
            return self._admin.open_producers(partition)
        except KafkaError:  # it only describes another error
            return ()

    def check_same(self, description: dict[str, Any]) -> None:
        """Check that it is still the same topic.

        Raises:
            TopicChangedError: it is another topic of the same name.
        """
        if _id_of(description) != self._topic_id:
            raise TopicChangedError(self._topic, "recreated")

    def _describe(self) -> dict[str, Any]:
        deadline = _clock.monotonic() + UNKNOWN_TOPIC_SECONDS
        while (description := self.look_up()) is None:
            if _clock.monotonic() >= deadline:
                raise UnknownTopicError(self._topic)
            time.sleep(0.05)
        return description

    def look_up(self) -> dict[str, Any] | None:
        """The broker's description of it now, or None if it does not exist."""
        from kafka.errors import for_code

        (description,) = self._admin.describe([self._topic])
        error = for_code(description["error_code"])
        if error.__name__ in UNKNOWN_TOPIC:
            return None
        if description["error_code"]:
            raise error(f"describing topic {self._topic!r}")
        return description

    def partition(self, number: int) -> Any:
        """kafka-python's object for a partition."""
        from kafka import TopicPartition

        return TopicPartition(self._topic, number)


def _id_of(description: dict[str, Any]) -> str | None:
    """The id of a topic, in the form that the JVM helper returns."""
    topic_id = description.get("topic_id")
    return str(topic_id) if topic_id else None


def numbers_of(description: dict[str, Any]) -> set[int]:
    """The numbers of the partitions in a description."""
    return {info["partition_index"] for info in description["partitions"]}
