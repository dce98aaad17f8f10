"""The marker `kafka`: what a test wants, and which tests it is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["FIXTURES", "Wishes", "mark_users", "wishes"]

DESCRIPTION = (
    "kafka(partitions=1, topics=('source', 'sink')): a test that uses Kafka; how many "
    "partitions the topics of kafka_topic and kafka_topics have, and which topics "
    "kafka_topics makes. Tests that use a fixture of spark-kafka-testkit have it by "
    "themselves."
)
FIXTURES = frozenset(
    (
        "kafka_spark",
        "kafka_stream",
        "kafka_topic",
        "kafka_topic_factory",
        "kafka_topics",
        "kafka_utils",
        "kafka_utils_factory",
    )
)


@dataclass(frozen=True)
class Wishes:
    """What the marker says, with the defaults where it says nothing."""

    partitions: int = 1
    topics: tuple[str, ...] = ("source", "sink")


def mark_users(items: Sequence[pytest.Item]) -> None:
    """Marks the tests that use Kafka and are not marked, so that `-m kafka` and
    `-m "not kafka"` tell them apart.
    """
    for item in items:
        used = FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if (used or _has_mixin(item)) and item.get_closest_marker("kafka") is None:
            item.add_marker("kafka")


def _has_mixin(item: pytest.Item) -> bool:
    kinds = getattr(getattr(item, "cls", None), "__mro__", ())
    return any(kind.__name__ == "KafkaTestMixin" for kind in kinds)


def wishes(item: pytest.Item) -> Wishes:
    """What the markers on the test, its class and its module say; the closest wins,
    argument by argument. A marker that can't be understood is the test's failure.
    """
    said: dict[str, Any] = {}
    for marker in item.iter_markers("kafka"):
        if marker.args:
            _refuse(f"it takes no positional arguments, and has {marker.args!r}")
        said = {**marker.kwargs, **said}
    unknown = sorted(set(said) - {"partitions", "topics"})
    if unknown:
        _refuse(f"{', '.join(unknown)} is not known; valid are partitions, topics")
    found = Wishes(**{name: _frozen(value) for name, value in said.items()})
    number: Any = found.partitions
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        _refuse(f"partitions must be a number from 1 on, and is {number!r}")
    names: Any = found.topics
    if not isinstance(names, tuple) or not all(
        isinstance(name, str) and name for name in names
    ):
        _refuse(f"topics must be a list of labels, and is {said['topics']!r}")
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _refuse(reason: str) -> None:
    pytest.fail(f"@pytest.mark.kafka: {reason}.", pytrace=False)
