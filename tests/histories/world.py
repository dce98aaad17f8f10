"""Carries out histories with Kafka's own Java clients in Spark's JVM.

Each call goes through py4j. So nothing of the kit writes what its readers are tested
with.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Any

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm, java_class
from tests.contract.topics import add_partitions

from .model import (
    Delete,
    End,
    Entry,
    Grow,
    History,
    Operation,
    Out,
    Partition,
    Send,
    Transaction,
)
from .strategies import PRODUCERS

KAFKA = "org.apache.kafka"


class Producers:
    """Java producers for all histories: a plain one, and transactional ones."""

    def __init__(self, spark: Any, address: str) -> None:
        spark_jvm = SparkJvm.of(spark)
        assert spark_jvm is not None
        self._view = spark_jvm.view
        self._load = spark_jvm.load_class
        self._list = self._class("java.util.ArrayList")
        self._header = self._class(f"{KAFKA}.common.header.internals.RecordHeader")
        self._record = self._class(f"{KAFKA}.clients.producer.ProducerRecord")
        self.ids = [f"history-{uuid.uuid4().hex}" for _ in range(PRODUCERS)]
        self.plain = self._make(address, {})
        self.transactional = [
            self._make(address, {"transactional.id": name}) for name in self.ids
        ]
        for producer in self.transactional:
            producer.initTransactions()

    def _class(self, name: str) -> Any:
        return java_class(self._view, name)

    def _make(self, address: str, more: dict[str, str]) -> Any:
        settings = self._class("java.util.Properties")()
        serializer = f"{KAFKA}.common.serialization.ByteArraySerializer"
        pairs = {
            "bootstrap.servers": address,
            "key.serializer": serializer,
            "value.serializer": serializer,
            "acks": "all",
            "linger.ms": "1000",  # records sent together form one batch
            **more,
        }
        for name, value in pairs.items():
            settings.setProperty(name, value)
        return self._class(f"{KAFKA}.clients.producer.KafkaProducer")(settings)

    def record(self, topic: str, out: Out) -> Any:
        headers = self._list()
        for name, value in out.headers:
            headers.add(self._header(name, value))
        return self._record(
            topic, out.partition, out.timestamp, out.key, out.value, headers
        )

    def close(self) -> None:
        now = self._class("java.time.Duration").ZERO
        for producer in [self.plain, *self.transactional]:
            producer.close(now)


class World:
    """One topic, with what is done to it and what the oracle knows about it."""

    def __init__(
        self, kafka: KafkaUtils, producers: Producers, history: History
    ) -> None:
        self._kafka, self._producers = kafka, producers
        self.topic = f"history-{uuid.uuid4().hex[:12]}"
        kafka.create_topics([self.topic], history.partitions)
        self.partitions = [Partition() for _ in range(history.partitions)]
        self._running: dict[int, Transaction] = {}

    def run(self, operations: tuple[Operation, ...]) -> None:
        for operation in operations:
            match operation:
                case Send():
                    self._send(operation)
                case End():
                    self._end(operation.producer, operation.commit)
                case Delete():
                    self._delete(operation)
                case Grow():
                    self._grow()

    @property
    def open_producers(self) -> dict[int, set[int]]:
        """The ids of the producers with an open transaction, by partition."""
        names = {number: self._producers.ids[number] for number in self._running}
        if not names:
            return {}
        admin = self._kafka.admin_client
        described = admin.describe_transactions(list(names.values()))
        found: dict[int, set[int]] = {}
        for number, name in names.items():
            for partition, part in enumerate(self.partitions):
                if any(
                    entry.is_open and entry.transaction.producer == number  # type: ignore[union-attr]
                    for entry in part.log
                ):
                    found.setdefault(partition, set()).add(described[name].producer_id)
        return found

    def _send(self, operation: Send) -> None:
        number = operation.producer
        transaction = None
        producer = self._producers.plain
        if number is not None:
            producer = self._producers.transactional[number]
            if number not in self._running:
                producer.beginTransaction()
                self._running[number] = Transaction(number)
            transaction = self._running[number]
        futures = [
            producer.send(self._producers.record(self.topic, out))
            for out in operation.records
        ]
        producer.flush()
        for out, future in zip(operation.records, futures, strict=True):
            entry = Entry(future.get().offset(), out, transaction)
            self.partitions[out.partition].log.append(entry)

    def _end(self, number: int, commit: bool) -> None:
        producer = self._producers.transactional[number]
        if commit:
            producer.commitTransaction()
        else:
            producer.abortTransaction()
        self._running.pop(number).state = "committed" if commit else "aborted"

    def _delete(self, operation: Delete) -> None:
        from kafka import TopicPartition

        part = self.partitions[operation.partition]
        span = part.acknowledged - part.beginning
        if span <= 0:
            return
        to = part.beginning + max(1, span * operation.tenths // 10)
        where = TopicPartition(self.topic, operation.partition)
        self._kafka.admin_client.delete_records({where: to})
        part.beginning = to

    def _grow(self) -> None:
        count = len(self.partitions) + 1
        add_partitions(self._kafka, self.topic, count)
        self.partitions.append(Partition())

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in list(self._running):
            self._end(number, commit=False)
        self._kafka.admin_client.delete_topics([self.topic])
