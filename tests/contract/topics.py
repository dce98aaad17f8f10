"""What the contract tests do to a topic beside the kit, by kafka-python."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import NewPartitions

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._jvm.spark_jvm import java_class
from spark_kafka_testkit._kafka_python.compat import is_version_3, new_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

READY_SECONDS = 30.0


def create(
    utils: KafkaUtils, topic: str, num_partitions: int = 1, **configs: object
) -> None:
    """Creates the topic with settings of Kafka's, `_` for their dots, and waits until
    it can be used.
    """
    named = {name.replace("_", "."): str(setting) for name, setting in configs.items()}
    shape = {
        "num_partitions": num_partitions,
        "replication_factor": 1,
        "configs": named,
    }
    _create(utils, topic, shape)
    utils.create_topics([topic], num_partitions)


def create_on(utils: KafkaUtils, topic: str, nodes: list[int]) -> None:
    """Creates the topic with one partition on these nodes, led by the first."""
    _create(utils, topic, {"assignments": {0: nodes}})
    utils.create_topics([topic])


def _create(utils: KafkaUtils, topic: str, shape: dict[str, Any]) -> None:
    admin = utils.admin_client
    admin.create_topics(new_topics(admin, {topic: shape}))


def add_partitions(utils: KafkaUtils, topic: str, total: int) -> None:
    """Gives the topic more partitions, and waits until they can be used."""
    utils.admin_client.create_partitions({topic: NewPartitions(total)})
    deadline = time.monotonic() + READY_SECONDS
    while len(utils.offsets(topic)) < total:  # made, and not known yet
        assert time.monotonic() < deadline, f"{topic} did not grow to {total}"
        time.sleep(0.01)


def needs_kafka_python_3(utils: KafkaUtils, what: str) -> None:
    """Skips the test where the kit goes by kafka-python 2, which does not tell this."""
    if utils.client == "kafka-python" and not is_version_3(utils.admin_client):
        pytest.skip(f"kafka-python 2 does not tell {what}")


def delete_records(utils: KafkaUtils, topic: str, before: int) -> None:
    """Deletes the records of partition 0 before an offset."""
    utils.admin_client.delete_records({TopicPartition(topic, 0): before})


@contextmanager
def open_transaction(utils: KafkaUtils) -> Iterator[KafkaProducer]:
    """A producer with an open transaction, which is aborted at the end unless the test
    has ended it.
    """
    producer = KafkaProducer(
        bootstrap_servers=utils.broker, transactional_id=f"test-{uuid.uuid4().hex}"
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        yield producer
    finally:
        producer.close(timeout=1)


@contextmanager
def transaction(utils: KafkaUtils) -> Iterator[KafkaProducer]:
    """A producer with an open transaction, which is committed at the end, and aborted
    on an error.
    """
    with open_transaction(utils) as producer:
        yield producer
        producer.commit_transaction()


def hold(producer: KafkaProducer, topic: str, count: int = 1) -> None:
    """Writes records `held-0`, `held-1`, ... to partition 0 in the open transaction:
    no read_committed read gets past them before it ends.
    """
    for number in range(count):
        producer.send(topic, b"held", key=b"held-%d" % number, partition=0)
    producer.flush()


def send_by_java(
    spark: SparkSession,
    utils: KafkaUtils,
    topic: str,
    records: Iterable[Record],
    **settings: object,
) -> None:
    """Sends text, with headers, by Kafka's own producer in Spark's JVM; `_` in the
    names of its settings stands for a dot.
    """
    make = partial(java_class, spark._jvm)
    kafka = "org.apache.kafka"
    properties = make("java.util.Properties")()
    properties.put("bootstrap.servers", utils.broker)
    for name, setting in settings.items():
        properties.put(name.replace("_", "."), str(setting))
    text = make(f"{kafka}.common.serialization.StringSerializer")
    producer = make(f"{kafka}.clients.producer.KafkaProducer")(
        properties, text(), text()
    )
    new_header = make(f"{kafka}.common.header.internals.RecordHeader")
    new_record = make(f"{kafka}.clients.producer.ProducerRecord")
    try:
        for record in records:
            headers = make("java.util.ArrayList")()
            for name, content in record.headers:
                headers.add(new_header(name, content))
            producer.send(
                new_record(topic, record.partition, record.key, record.value, headers)
            )
        producer.flush()
    finally:
        producer.close()
