"""A pattern is Java's, and where no JVM is in reach Python reads what means the same to
it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from spark_kafka_testkit._queries.patterns import matching_topics

QUERY: Any = SimpleNamespace()


@pytest.fixture(autouse=True)
def no_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """No session, and none of the kit's own."""
    for module in ("_jvm.spark_jvm", "_queries.patterns"):
        name = f"spark_kafka_testkit.{module}.active_session"
        monkeypatch.setattr(name, lambda: None)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", "kafka-python")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("orders", ["orders", "orders-eu", "old.orders"]),
        ("^orders", ["orders", "orders-eu"]),
        ("orders$|_x", ["orders", "old.orders", "a_x"]),
        (r"\w+[-.]\w+$", ["orders-eu", "old.orders"]),
        ("(?i)ORDERS-.*", ["orders-eu"]),
    ],
)
def test_python_finds_what_java_would(pattern: str, matches: list[str]) -> None:
    """Anywhere in a name, as Spark looks for it."""
    names = ["orders", "orders-eu", "old.orders", "a_x"]
    assert matching_topics(QUERY, pattern, names) == (matches, "")


@pytest.mark.parametrize(
    "pattern", [r"\p{Alpha}+", r"\Qa.b\E", "(?<name>a)", "[a-z&&[b]]", "[[a]b]"]
)
def test_a_pattern_that_python_would_read_otherwise_is_refused(pattern: str) -> None:
    """Sets of sets are no error to Python, but mean something else."""
    matches, reason = matching_topics(QUERY, pattern, ["a"])
    assert matches is None
    assert reason.startswith(
        "no JVM is in reach (SPARK_KAFKA_TESTKIT_CLIENT is 'kafka-python'), and Python "
        "can't read it: "
    )
