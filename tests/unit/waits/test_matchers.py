"""contains: what has these parts, and maybe others."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from spark_kafka_testkit import contains
from spark_kafka_testkit._waits.equality import equal
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError


@pytest.mark.parametrize(
    ("parts", "value", "is_equal"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ({}, {"a": 1}, True),
        ({"a": 1}, [("a", 1)], False),
        ({"a": contains({"n": 1})}, {"a": {"n": 1, "m": 2}}, True),
        ([("a", 1)], [("b", 2), ("a", 1)], True),
        ([("a", 1), ("a", 1)], [("a", 1)], False),
        ([("a", ANY)], [("a", 5)], True),
        (["a"], "a", False),
        (["a"], {"a": 1}, False),
        ({1}, {1, 2}, True),
        ([], 5, False),
    ],
)
def test_what_has_the_parts_is_equal(parts: Any, value: Any, is_equal: bool) -> None:
    """In either order of the two, and as a part of something else."""
    assert equal(value, contains(parts)) is is_equal
    assert equal(contains(parts), value) is is_equal
    assert equal([value], [contains(parts)]) is is_equal


def test_only_what_was_asked_for_is_shown() -> None:
    """What else there is does not count."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: {"a": 2, "b": 3}, contains({"a": 1}), timeout=0)
    assert str(caught.value) == "Wrong answer: 'a': expected 1, last 2"
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: ["x", "y"], contains(["x", "z"]), timeout=0)
    assert str(caught.value) == "Wrong answer: missing 'z'"
    nested = {"k": contains({"n": 1})}
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: {"k": {"n": 2, "m": 3}}, nested, timeout=0)
    assert str(caught.value) == "Wrong answer: 'k'.n: expected 1, last 2"


def test_what_has_no_parts_is_refused() -> None:
    """A text has letters, and nobody means those."""
    with pytest.raises(TypeError) as caught:
        contains("abc")
    assert str(caught.value) == "contains() accepts a dict or a list of items, not str"
    assert repr(contains({"a": 1})) == "contains({'a': 1})"
