"""The marker `kafka`: what a test asks for, and which tests have the marker."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import pytest

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._text import shown

__all__ = ["WISHES", "Wishes", "mark_users", "uses_kit", "uses_ours_alone", "wishes"]

DESCRIPTION = (
    "kafka(partitions=1, topics=('source', 'sink'), trials=50, seed=None): a test that "
    "uses Kafka. The arguments set how many partitions the topics of kafka_topic and "
    "kafka_topics have, which topics kafka_topics creates, and the options of "
    "kafka_check_stream. Tests that use a fixture of spark-kafka-testkit get the "
    "marker automatically. On other tests the kit ignores its arguments."
)
PLUGIN = "spark_kafka_testkit.pytest_plugin"
NOT_KAFKA = ("_kafka_end_of_test", "kafka_spark_conf")


@dataclass(frozen=True)
class Wishes:
    """What the marker says, with defaults for the rest."""

    partitions: int = 1
    topics: tuple[str, ...] = ("source", "sink")
    trials: int = 50
    seed: int | None = None


WISHES = pytest.StashKey[Wishes]()
"""What a test that uses the kit asks for. A test has it once it has begun."""


def mark_users(tests: Sequence[pytest.Item]) -> None:
    """Mark the tests that use the kit and are not marked yet.

    So `-m kafka` and `-m "not kafka"` select the right ones.
    """
    for test in tests:
        if uses_kit(test) and test.get_closest_marker("kafka") is None:
            test.add_marker("kafka")


def uses_kit(test: pytest.Item) -> bool:
    """Whether the test uses one of the kit's fixtures, or its mixin.

    A user's own fixture does not count, even if it has the name of one of the kit's.
    Neither does a user's own marker `kafka`.
    """
    return _has_mixin(test) or any(
        _is_ours(name, definitions)
        for name, definitions in _fixtures(test).items()
        if name not in NOT_KAFKA
    )


def uses_ours_alone(test: pytest.Item, *names: str) -> bool:
    """Whether the test uses each of these fixtures as the kit defines it."""
    fixtures = _fixtures(test)
    return all(_is_ours(name, fixtures.get(name, ())[-1:]) for name in names)


def _fixtures(test: pytest.Item) -> Mapping[str, Sequence[Any]]:
    """The definitions of each fixture that the test requests, directly or indirectly.

    A definition that overrides another comes after it.
    """
    info: Any = getattr(test, "_fixtureinfo", None)  # pytest has no public way
    return {} if info is None else cast("dict[str, Any]", info.name2fixturedefs)


def _is_ours(name: str, definitions: Sequence[Any]) -> bool:
    for definition in reversed(definitions):
        if getattr(definition.func, "__module__", None) == PLUGIN:
            return True
        if name not in definition.argnames:  # else it requests the overridden one
            return False
    return False


def _has_mixin(test: pytest.Item) -> bool:
    ours: Any = sys.modules.get("spark_kafka_testkit.testing")
    test_class = getattr(test, "cls", None)
    return (
        ours is not None
        and test_class is not None
        and issubclass(test_class, ours.KafkaTestMixin)
    )


def wishes(test: pytest.Item) -> Wishes:
    """What the markers on the test, its class and its module say.

    The closest marker takes precedence, argument by argument. A marker that can't be
    understood fails the test.
    """
    said: dict[str, Any] = {}
    for marker in test.iter_markers("kafka"):
        if marker.args:
            _refuse(f"it takes no positional arguments, got {marker.args!r}")
        said = {**marker.kwargs, **said}
    valid = [field.name for field in fields(Wishes)]
    unknown = sorted(set(said) - set(valid))
    if unknown:
        _refuse(_arguments.unknown("argument", unknown[0], valid).rstrip("."))
    wished = Wishes(**{name: _frozen(value) for name, value in said.items()})
    try:
        _arguments.whole("partitions", wished.partitions, 1, _arguments.INT_MAX)
        _arguments.whole("trials", wished.trials, 0)
        if wished.seed is not None:
            _arguments.whole("seed", wished.seed, 0)
    except (TypeError, ValueError) as error:
        _refuse(str(error))
    names: Any = wished.topics
    if not isinstance(names, tuple) or not all(
        isinstance(name, str) and name for name in names
    ):
        _refuse(f"topics must be a list of labels, got {shown(said['topics'])}")
    return wished


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _refuse(reason: str) -> None:
    pytest.fail(f"@pytest.mark.kafka: {reason}.", pytrace=False)
