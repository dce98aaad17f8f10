"""KafkaUtils of Spark's KAFKA_TESTING.md the plain way, without the kit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kafka import KafkaProducer
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["PlainUtils", "plain_producer", "send_each"]


def plain_producer(broker: str) -> KafkaProducer:
    """A kafka-python producer for text, with acks=all."""
    from kafka import KafkaProducer

    return KafkaProducer(
        bootstrap_servers=broker,
        acks="all",
        key_serializer=str.encode,
        value_serializer=str.encode,
    )


def send_each(
    producer: KafkaProducer, topic: str, messages: list[tuple[str, str]]
) -> None:
    """`send().get()` one by one, as Spark's own KafkaUtils does."""
    for key, value in messages:
        producer.send(topic, key=key, value=value).get(timeout=10)
    producer.flush()


class PlainUtils:
    """The same calls with plain means.

    They use kafka-python's producer (`send().get()` one by one) and admin client, a
    batch read with Spark, and a poll once a second.
    """

    def __init__(self, broker: str) -> None:
        from kafka import KafkaAdminClient

        self.broker = broker
        self._admin = KafkaAdminClient(bootstrap_servers=broker)
        self._producer = plain_producer(broker)

    def __enter__(self) -> PlainUtils:
        return self

    def __exit__(self, *_: object) -> None:
        self.teardown()

    def spark_options(self) -> dict[str, str]:
        return {"kafka.bootstrap.servers": self.broker}

    def create_topics(self, topic_names: list[str], num_partitions: int = 1) -> None:
        shape = {"num_partitions": num_partitions, "replication_factor": 1}
        self._admin.create_topics(dict.fromkeys(topic_names, shape))

    def delete_topics(self, topic_names: list[str]) -> None:
        self._admin.delete_topics(topic_names, raise_errors=False)

    def send_messages(self, topic: str, messages: list[tuple[str, str]]) -> None:
        send_each(self._producer, topic, messages)

    def get_all_records(self, spark: SparkSession, topic: str) -> dict[str, str]:
        records = (
            spark.read.format("kafka")
            .options(**self.spark_options())
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load()
            .selectExpr("CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value")
            .collect()
        )
        return {record.key: record.value for record in records}

    def assert_eventually(
        self,
        result_func: Callable[[], Any],
        expected: Any,
        timeout: float = 60,
        interval: float = 1.0,
    ) -> None:
        deadline = time.monotonic() + timeout
        while (result := result_func()) != expected:
            if time.monotonic() >= deadline:
                raise AssertionError(f"{result!r} is not {expected!r}")
            time.sleep(interval)

    def wait_for_query_alive(
        self, query: StreamingQuery, timeout: float = 60, interval: float = 1.0
    ) -> None:
        self.assert_eventually(lambda: query.isActive, True, timeout, interval)

    def teardown(self) -> None:
        self._producer.close(timeout=5)
        self._admin.close()
