"""What assert_eventually shows of a difference, and what it lets through."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import pytest

from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError

ONCE = "The result was not the expected one within 0 s (1 checks).\n"


def failure(result: Any, expected: Any) -> str:
    """The text of an assertion that looks once."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    return str(caught.value)


@pytest.mark.parametrize(
    ("result", "expected", "lines"),
    [
        ({}, {"k": 1}, "  missing:    'k': 1"),
        ({"k": 1}, {}, "  unexpected: 'k': 1"),
        ({"k": 1}, {"k": 2}, "  different:  'k': expected 2, last 1"),
        ({"k": None}, {"k": ""}, "  different:  'k': expected '', last None"),
        ({None: 1}, {}, "  unexpected: None: 1"),
        ({b"k": 1}, {"k": 1}, "  missing:    'k': 1\n  unexpected: b'k': 1"),
        ([1], {1: 1}, "  expected: {1: 1}\n  last:     [1]"),
        ([1, 2], [2, 3, 3], "  missing:    3\n  missing:    3\n  unexpected: 1"),
        ([1, 1], [1], "  unexpected: 1"),
        ({1}, {2}, "  missing:    2\n  unexpected: 1"),
        ([[1]], [[2], {}], "  missing:    [2]\n  missing:    {}\n  unexpected: [1]"),
        ([1, 2], [2, 1], "  expected: [2, 1]\n  last:     [1, 2]"),
        ((1,), [2], "  missing:    2\n  unexpected: 1"),
        (None, 0, "  expected: 0\n  last:     None"),
    ],
)
def test_the_difference_is_shown(result: Any, expected: Any, lines: str) -> None:
    """Dicts key by key, all else side by side."""
    assert failure(result, expected) == ONCE + lines


@pytest.mark.parametrize(
    ("result", "expected", "form"),
    [
        ({}, dict.fromkeys(range(11), 0), "  missing:    {n}: 0"),
        (dict.fromkeys(range(11), 0), {}, "  unexpected: {n}: 0"),
        (
            dict.fromkeys(range(11), 0),
            dict.fromkeys(range(11), 1),
            "  different:  {n}: expected 1, last 0",
        ),
    ],
    ids=["missing", "unexpected", "different"],
)
def test_each_list_is_cut_after_ten(
    result: dict[int, int], expected: dict[int, int], form: str
) -> None:
    """What was left out is counted."""
    shown = [form.format(n=n) for n in range(10)]
    assert failure(result, expected) == ONCE + "\n".join([*shown, "  ... and 1 more"])


def test_a_list_of_ten_is_not_cut() -> None:
    """'and 0 more' is not said."""
    shown = [f"  missing:    {n}: 0" for n in range(10)]
    assert failure({}, dict.fromkeys(range(10), 0)) == ONCE + "\n".join(shown)


@pytest.mark.parametrize(
    ("length", "shown"),
    [(118, f"'{'x' * 118}'"), (119, f"'{'x' * 116}...")],
)
def test_a_long_value_is_cut(length: int, shown: str) -> None:
    """At 120 characters, quotes counted."""
    assert failure("x" * length, 0) == f"{ONCE}  expected: 0\n  last:     {shown}"


def test_long_values_are_cut_where_they_differ() -> None:
    """The same beginning of both says nothing."""
    one, other = "x" * 500 + "one" + "y" * 500, "x" * 500 + "other"
    assert failure({"k": one}, {"k": other}) == (
        f"{ONCE}  different:  'k': expected ...{'x' * 19}other', "
        f"last ...{'x' * 19}one{'y' * 92}..."
    )


def test_dicts_that_differ_in_order_alone_are_shown() -> None:
    """An error that shows no difference helps nobody."""
    forth, back = OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)
    assert failure(forth, back) != ONCE


def test_the_last_result_is_the_one_shown() -> None:
    """Not the first one; and the checks are counted."""
    results = iter([1, 2])
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: next(results), 0, timeout=0.05, interval=60)
    assert str(caught.value) == (
        "The result was not the expected one within 0.05 s (2 checks).\n"
        "  expected: 0\n"
        "  last:     2"
    )


@pytest.mark.parametrize("kind", [AssertionError, KeyError, TimeoutError, SystemExit])
def test_no_error_of_the_function_is_taken_for_not_yet(
    kind: type[BaseException],
) -> None:
    """The very object goes through, at the first call."""
    raised: list[BaseException] = []

    def result() -> None:
        raised.append(kind("why"))
        raise raised[-1]

    with pytest.raises(kind) as caught:
        assert_eventually(result, None)
    assert len(raised) == 1
    assert caught.value is raised[0]


@pytest.mark.parametrize("name", ["timeout", "interval"])
@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (True, TypeError, "{name} must be a number of seconds, not bool"),
        (None, TypeError, "{name} must be a number of seconds, not NoneType"),
        ("1", TypeError, "{name} must be a number of seconds, not str"),
        (-0.5, ValueError, "{name} must not be negative, and is -0.5"),
        pytest.param(
            math.nan,
            ValueError,
            "{name} must be a number of seconds, and is nan",
        ),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    name: str, value: Any, kind: type[Exception], text: str
) -> None:
    """Before the function is called."""
    calls: list[int] = []
    with pytest.raises(kind) as caught:
        assert_eventually(lambda: calls.append(1), None, **{name: value})
    assert (str(caught.value), calls) == (text.format(name=name), [])
