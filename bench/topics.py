"""Rows that create topics."""

from __future__ import annotations

from collections.abc import Callable

from bench import profiles
from bench.harness import KIT, AtMost, Contestant, Row, seconds_of
from bench.world import World

__all__ = ["rows"]


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {
        "topics-1": lambda: create(world, 1, 0.050),
        "topics-100": lambda: create(world, 100, 1.0),
    }


def create(world: World, count: int, limit: float) -> Row:
    """`create_topics` for several at once, which are deleted afterwards."""
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=world.kafka.broker)
    confluent_admin = AdminClient({"bootstrap.servers": world.kafka.broker})

    def run(make: Callable[[list[str]], object]) -> float:
        names = [world.new_name() for _ in range(count)]
        taken = seconds_of(lambda: make(names))
        world.kafka.delete_topics(names)
        return taken

    def kit() -> float:
        return run(world.kafka.create_topics)

    def profile() -> list[str]:
        names = [world.new_name() for _ in range(count)]
        lines = profiles.of_calls(world, lambda: world.kafka.create_topics(names), 1)
        world.kafka.delete_topics(names)
        return lines

    def kafka_python(names: list[str]) -> None:
        shape = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics(dict.fromkeys(names, shape))

    def confluent(names: list[str]) -> None:
        made = confluent_admin.create_topics([NewTopic(name, 1, 1) for name in names])
        for future in made.values():
            future.result(30)

    return Row(
        f"topics-{count}",
        f"create_topics of {count}",
        [
            Contestant(KIT, kit),
            Contestant("kafka-python, leaders not awaited", lambda: run(kafka_python)),
            Contestant("confluent-kafka, leaders not awaited", lambda: run(confluent)),
        ],
        [AtMost(limit)],
        profile,
        ["the kit returns when every partition has a leader that answers"],
        close=admin.close,
    )
