"""A pattern is Java's, and where no JVM is in reach Python reads what means the same to
it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from spark_kafka_testkit._jvm import gateway as _gateway
from spark_kafka_testkit._queries.patterns import found_by

QUERY: Any = SimpleNamespace()


@pytest.fixture(autouse=True)
def no_jvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """No session, and none of the kit's own."""
    monkeypatch.setattr(_gateway, "active_session", lambda: None)
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
    """It looks anywhere in a name, as Spark does."""
    names = ["orders", "orders-eu", "old.orders", "a_x"]
    assert found_by(QUERY, pattern, names) == (matches, "")


@pytest.mark.parametrize(
    "pattern", [r"\p{Alpha}+", r"\Qa.b\E", "(?<name>a)", "[a-z&&[b]]", "[[a]b]"]
)
def test_a_pattern_that_python_would_read_otherwise_is_refused(pattern: str) -> None:
    """Sets of sets are no error to Python, but mean something else."""
    matches, reason = found_by(QUERY, pattern, ["a"])
    assert matches is None
    assert reason.startswith(
        "no JVM is in reach (SPARK_KAFKA_TESTKIT_CLIENT is 'kafka-python'), and Python "
        "can't read it: "
    )
