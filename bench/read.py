"""Rows that read many records as Arrow, many keys as a dict, and ten records."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from bench import profiles
from bench.harness import KIT, AtLeast, AtMost, Contestant, Row, median_of, seconds_of
from bench.world import World, part_of

__all__ = ["rows"]

PLAIN_JVM = ("plain JVM loop", "plain JVM loop, kit's settings")
CONFLUENT = "confluent-kafka, consume"
KAFKA_PYTHON = "kafka-python"
FALLBACK_SHARE = 0.1


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {
        "read": lambda: read_many(world),
        "read-dict": lambda: read_to_dict(world),
        "read-10": lambda: read_few(world),
    }


def read_many(world: World) -> Row:
    """A topic as a `pyarrow.Table`, against everybody who reads it."""
    topic = world.filled_topic
    small = world.new_topic()
    world.kafka.send_messages(small, part_of(world.many, FALLBACK_SHARE))
    peers = Peers(world)

    def kit() -> float:
        return seconds_of(lambda: world.kafka.read_arrow(topic))

    def by_fallback() -> float:
        with world.by_kafka_python(small) as kafka:
            return seconds_of(lambda: kafka.read_arrow(small))

    return Row(
        "read",
        f"read_arrow, {world.options.records:,} records of "
        f"{world.options.record_bytes} bytes",
        [
            Contestant(KIT, kit),
            Contestant(PLAIN_JVM[0], lambda: world.plain_jvm.consume(topic, "PLAIN")),
            Contestant(PLAIN_JVM[1], lambda: world.plain_jvm.consume(topic, "TUNED")),
            Contestant(
                "Spark toArrow",
                lambda: seconds_of(lambda: world.spark_read(topic).toArrow()),
            ),
            Contestant(
                "Spark collect",
                lambda: seconds_of(lambda: world.spark_read(topic).collect()),
            ),
            Contestant(
                CONFLUENT,
                lambda: seconds_of(lambda: peers.confluent(topic)),
            ),
            Contestant("kit without the JVM", by_fallback, FALLBACK_SHARE),
            Contestant(
                KAFKA_PYTHON,
                lambda: seconds_of(lambda: peers.kafka_python(small)),
                FALLBACK_SHARE,
            ),
        ],
        [
            AtLeast(0.8, PLAIN_JVM, "a plain JVM loop"),
            AtLeast(3, ("Spark toArrow",), "Spark toArrow"),
            AtLeast(2, (CONFLUENT,), "confluent-kafka consume"),
        ],
        lambda: profiles.of_run(world, kit),
        [
            "the kit and Spark hand over columns or rows with partition, offset and "
            "timestamp; the loops and the other clients leave message objects",
        ],
    )


def read_to_dict(world: World) -> Row:
    """As many distinct keys as records, into a dict."""
    topic = world.filled_topic

    def kit() -> float:
        return seconds_of(lambda: world.kafka.get_all_records(world.spark, topic))

    def by_spark() -> float:
        return seconds_of(lambda: _dict_by_spark(world, topic))

    return Row(
        "read-dict",
        f"get_all_records, {world.options.records:,} distinct keys, to a dict",
        [Contestant(KIT, kit), Contestant("Spark collect to a dict", by_spark)],
        [AtLeast(10, ("Spark collect to a dict",), "Spark collect to a dict")],
        lambda: profiles.of_run(world, kit),
    )


def read_few(world: World) -> Row:
    """Ten records, warm, which is what most tests read."""
    calls = world.options.calls
    topic = world.new_topic()
    world.kafka.send_messages(topic, world.few)
    peers = Peers(world)

    def often(read: Callable[[], object], of: int = calls) -> float:
        return median_of(of, read)

    def kit() -> object:
        return world.kafka.get_all_records(world.spark, topic)

    def by_fallback() -> float:
        with world.by_kafka_python(topic) as kafka:
            return often(lambda: kafka.get_all_records(None, topic))

    def jvm() -> float:
        times = [world.plain_jvm.consume(topic, "TUNED") for _ in range(calls)]
        return statistics.median(times)

    return Row(
        "read-10",
        "get_all_records, 10 records, warm",
        [
            Contestant(KIT, lambda: often(kit)),
            Contestant(
                "Spark collect to a dict",
                lambda: often(lambda: _dict_by_spark(world, topic), 3),
            ),
            Contestant(PLAIN_JVM[1], jvm),
            Contestant(
                "confluent-kafka", lambda: often(lambda: peers.confluent(topic))
            ),
            Contestant("kit without the JVM", by_fallback),
            Contestant(
                "kafka-python", lambda: often(lambda: peers.kafka_python(topic))
            ),
        ],
        [
            AtMost(0.010),
            AtLeast(50, ("Spark collect to a dict",), "Spark collect to a dict"),
        ],
        lambda: profiles.of_calls(world, kit),
        [
            f"a run is the median of {calls} calls (3 of Spark)",
            "the JVM loop keeps its consumer, as the kit does; confluent-kafka and "
            "kafka-python make one for each read, as tests do",
        ],
    )


def _dict_by_spark(world: World, topic: str) -> dict[str, str]:
    return {row.key: row.value for row in world.spark_strings(topic).collect()}


class Peers:
    """Python's other clients.

    Each read makes a consumer, reads from the beginning to the end offsets, and closes
    it.
    """

    def __init__(self, world: World) -> None:
        self._address = world.kafka.broker

    def confluent(self, topic: str) -> int:
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer(
            {
                "bootstrap.servers": self._address,
                "group.id": "bench",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        partition = TopicPartition(topic, 0, OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0))
        consumer.assign([partition])
        seen = 0
        while seen < end:
            found = consumer.consume(10_000, 0.1)
            seen += sum(message.value() is not None for message in found)
        consumer.close()
        return seen

    def kafka_python(self, topic: str) -> int:
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(
            bootstrap_servers=self._address,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        consumer.seek_to_beginning(partition)
        seen = 0
        while consumer.position(partition) < end:
            for records in consumer.poll(timeout_ms=100).values():
                seen += sum(record.value is not None for record in records)
        consumer.close(autocommit=False)
        return seen
