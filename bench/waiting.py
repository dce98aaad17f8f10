"""The row of waiting, from the sink's last record committed to the wait's return."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

from bench.harness import KIT, AtMost, Contestant, Row
from bench.spark_own import PlainUtils
from bench.world import World

__all__ = ["rows"]

WAITS = 4
EXPECTED = {"k1": "1", "k2": "2"}


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {"wait": lambda: wake(world)}


def wake(world: World) -> Row:
    """`assert_eventually` with its default interval, against polling with Spark.

    The poll makes batch reads. The last record comes at moments spread over the
    interval.
    """

    def often(wait: Callable[[str], None]) -> float:
        return statistics.median(
            _lateness(world, wait, 1.2 + number / WAITS) for number in range(WAITS)
        )

    def kit(topic: str) -> None:
        world.kafka.assert_eventually(
            lambda: world.kafka.get_all_records(world.spark, topic), EXPECTED
        )

    def by_spark(topic: str) -> None:
        with PlainUtils(world.kafka.broker) as plain:
            plain.assert_eventually(
                lambda: plain.get_all_records(world.spark, topic), EXPECTED
            )

    return Row(
        "wait",
        "from the sink's last record to assert_eventually's return",
        [
            Contestant(KIT, lambda: often(kit)),
            Contestant("Spark batch read every second", lambda: often(by_spark)),
        ],
        [AtMost(0.050)],
        notes=[f"a run is the median of {WAITS} waits"],
    )


def _lateness(world: World, wait: Callable[[str], None], delay: float) -> float:
    """The seconds from the acknowledgement of the last record to the wait's return."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": world.kafka.broker, "acks": "all"})
    committed: list[float] = []

    def complete() -> None:
        time.sleep(delay)
        producer.produce(
            topic,
            b"2",
            b"k2",
            on_delivery=lambda *_: committed.append(time.perf_counter()),
        )
        producer.flush()

    with world.topic() as topic:
        producer.produce(topic, b"1", b"k1")
        producer.flush()
        sender = threading.Thread(target=complete)
        sender.start()
        wait(topic)
        returned = time.perf_counter()
        sender.join()
        producer.close()
    return returned - committed[0]
