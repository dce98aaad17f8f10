"""Rows that send many records, and ten."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from bench import profiles
from bench.harness import KIT, AtLeast, AtMost, Contestant, Row, median_of, seconds_of
from bench.spark_own import plain_producer, send_each
from bench.world import Messages, World, part_of

__all__ = ["rows"]

PLAIN_JVM = ("plain JVM loop", "plain JVM loop, kit's settings")
CONFLUENT = ("confluent-kafka, one by one", "confluent-kafka, produce_batch")

FALLBACK_SHARE = 0.1
FUTURES_SHARE = 0.1
ONE_BY_ONE_SHARE = 0.002


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {
        "send": lambda: send_many(world),
        "send-arrow": lambda: send_table(world),
        "send-10": lambda: send_few(world),
    }


def send_many(world: World) -> Row:
    """`send_messages` with many tuples of str, against all others."""
    count = world.options.records
    confluent = Confluent(world)

    def kit(part: float = 1.0) -> float:
        some = part_of(world.many, part)
        with world.topic() as topic:
            return seconds_of(lambda: world.kafka.send_messages(topic, some))

    def by_fallback() -> float:
        some = part_of(world.many, FALLBACK_SHARE)
        with world.topic() as topic, world.by_kafka_python(topic) as kafka:
            return seconds_of(lambda: kafka.send_messages(topic, some))

    def on_new_topic(send: Callable[[str, Messages], object]) -> float:
        with world.topic() as topic:
            return seconds_of(lambda: send(topic, world.many))

    def by_kafka_python(send: KafkaPythonSend, share: float) -> float:
        some = part_of(world.many, share)
        with world.topic() as topic, kafka_python(world, topic) as producer:
            return seconds_of(lambda: send(producer, topic, some))

    def jvm(mode: str) -> float:
        with world.topic() as topic:
            return world.plain_jvm.produce(topic, count, mode)

    assert world.spark is not None
    return Row(
        "send",
        f"send_messages, {count:,} tuples of str, {world.options.record_bytes} bytes",
        [
            Contestant(KIT, kit),
            Contestant(PLAIN_JVM[0], lambda: jvm("PLAIN")),
            Contestant(PLAIN_JVM[1], lambda: jvm("TUNED")),
            Contestant(CONFLUENT[0], lambda: on_new_topic(confluent.one_by_one)),
            Contestant(CONFLUENT[1], lambda: on_new_topic(confluent.by_batch)),
            Contestant("kit without the JVM", by_fallback, FALLBACK_SHARE),
            Contestant(
                "kafka-python, futures",
                lambda: by_kafka_python(send_futures, FUTURES_SHARE),
                FUTURES_SHARE,
            ),
            Contestant(
                "kafka-python, send().get() each",
                lambda: by_kafka_python(send_each, ONE_BY_ONE_SHARE),
                ONE_BY_ONE_SHARE,
            ),
        ],
        [
            AtLeast(0.85, PLAIN_JVM, "a plain JVM loop"),
            AtLeast(1.75, CONFLUENT, "confluent-kafka's best"),
            AtLeast(25, ("kafka-python, futures",), "kafka-python"),
        ],
        lambda: profiles.of_run(world, kit),
        close=confluent.close,
    )


def send_table(world: World) -> Row:
    """The same records as a `pyarrow.Table`."""
    count = world.options.records
    keys, values = zip(*world.many, strict=True)
    table = pa.table({"key": pa.array(keys), "value": pa.array(values)})

    def kit() -> float:
        with world.topic() as topic:
            return seconds_of(lambda: world.kafka.send_messages(topic, table))

    def jvm(mode: str) -> float:
        with world.topic() as topic:
            return world.plain_jvm.produce(topic, count, mode)

    assert world.spark is not None
    return Row(
        "send-arrow",
        f"send_messages, a pyarrow.Table of {count:,} rows, "
        f"{world.options.record_bytes} bytes",
        [
            Contestant(KIT, kit),
            Contestant(PLAIN_JVM[0], lambda: jvm("PLAIN")),
            Contestant(PLAIN_JVM[1], lambda: jvm("TUNED")),
        ],
        [AtLeast(0.9, PLAIN_JVM, "a plain JVM loop")],
        lambda: profiles.of_run(world, kit),
    )


def send_few(world: World) -> Row:
    """Ten tuples, warm, which is what most tests send."""
    calls = world.options.calls
    few, topic = world.few, world.new_topic()
    confluent = Confluent(world)

    def often(send: Callable[[str, Messages], object]) -> float:
        return median_of(calls, lambda: send(topic, few))

    def kit() -> float:
        return often(world.kafka.send_messages)

    def by_fallback() -> float:
        with world.by_kafka_python(topic) as kafka:
            return often(kafka.send_messages)

    def by_kafka_python(send: KafkaPythonSend) -> float:
        with kafka_python(world, topic) as producer:
            return often(lambda name, some: send(producer, name, some))

    def jvm() -> float:
        times = [
            world.plain_jvm.produce(topic, len(few), "PLAIN") for _ in range(calls)
        ]
        return statistics.median(times)

    assert world.spark is not None
    return Row(
        "send-10",
        "send_messages, 10 tuples, warm",
        [
            Contestant(KIT, kit),
            Contestant(PLAIN_JVM[0], jvm),
            Contestant(CONFLUENT[0], lambda: often(confluent.one_by_one)),
            Contestant(CONFLUENT[1], lambda: often(confluent.by_batch)),
            Contestant("kit without the JVM", by_fallback),
            Contestant("kafka-python, futures", lambda: by_kafka_python(send_futures)),
            Contestant(
                "kafka-python, send().get() each", lambda: by_kafka_python(send_each)
            ),
        ],
        [AtMost(0.005), AtLeast(1, CONFLUENT, "confluent-kafka's best")],
        lambda: profiles.of_calls(world, lambda: world.kafka.send_messages(topic, few)),
        [f"a run is the median of {calls} calls"],
        close=confluent.close,
    )


KafkaPythonSend = Callable[[Any, str, Messages], object]


@contextlib.contextmanager
def kafka_python(world: World, topic: str) -> Iterator[Any]:
    """A warm kafka-python producer for one turn: see `World.by_kafka_python`."""
    producer = plain_producer(world.kafka.broker)
    try:
        producer.partitions_for(topic)
        yield producer
    finally:
        producer.close(timeout=5)


def send_futures(producer: Any, topic: str, some: Messages) -> None:
    """`send` all, then `flush` and look at the futures."""
    futures = [producer.send(topic, key=key, value=value) for key, value in some]
    producer.flush()
    for future in futures:
        future.get(timeout=10)


class Confluent:
    """A confluent-kafka producer with acks=all, which is kept."""

    def __init__(self, world: World) -> None:
        from confluent_kafka import Producer

        self._producer = Producer(
            {
                "bootstrap.servers": world.kafka.broker,
                "acks": "all",
                "enable.idempotence": True,
                "delivery.report.only.error": True,  # no call into Python per record
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 1 << 20,
            }
        )
        self._failures: list[object] = []

    def one_by_one(self, topic: str, some: Messages) -> None:
        """`produce` one by one, then `flush`."""
        produce, poll = self._producer.produce, self._producer.poll
        for index, (key, value) in enumerate(some):
            produce(topic, value, key, on_delivery=self._note)
            if index % 10_000 == 0:
                poll(0)
        self._producer.flush()
        self._check()

    def by_batch(self, topic: str, some: Messages) -> None:
        """`produce_batch` of 10,000, then `flush`."""
        source = iter(some)
        while chunk := list(islice(source, 10_000)):
            batch = [{"key": key, "value": value} for key, value in chunk]
            self._producer.produce_batch(topic, batch, on_delivery=self._note)
            self._producer.poll(0)
        self._producer.flush()
        self._check()

    def _note(self, error: object, _message: object) -> None:
        if error is not None:
            self._failures.append(error)

    def _check(self) -> None:
        if self._failures:
            raise RuntimeError(f"confluent-kafka: {self._failures[:3]}")

    def close(self) -> None:
        self._producer.close()
