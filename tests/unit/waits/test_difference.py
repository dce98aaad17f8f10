"""What assert_eventually shows of a difference."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row

from spark_kafka_testkit._waits.equality import InAnyOrder
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError

ONCE = "The result was not the expected one (1 check).\n"
NAN = float("nan")
FRAME = pd.DataFrame({"k": ["a", None], "v": [1.0, NAN]})


def failure(result: Any, expected: Any) -> str:
    """The text of an assertion that looks once."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    return str(caught.value)


def shown(result: Any, expected: Any) -> str:
    """What is shown of a difference."""
    return failure(result, expected).partition("\n")[2]


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
        ([1, 1], [1], "  repeated:   1: expected once, found 2 times"),
        ([1], [1, 1], "  missing:    1: expected 2 times, found once"),
        ({1}, {2}, "  missing:    2\n  unexpected: 1"),
        ([[1]], [[2], {}], "  missing:    [2]\n  missing:    {}\n  unexpected: [1]"),
        ([1, 2], [2, 1], "  expected: [2, 1]\n  last:     [1, 2]"),
        ((1,), [2], "  missing:    2\n  unexpected: 1"),
        (None, 0, "  expected: 0\n  last:     None"),
    ],
)
def test_the_difference_of_two_values_is_shown(
    result: Any, expected: Any, lines: str
) -> None:
    """Dicts are compared key by key, and all else is put side by side."""
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
    """It is cut at 120 characters, quotes counted."""
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


def test_dicts_are_compared_key_by_key() -> None:
    """What is missing, different and unexpected stands each on its line, and long
    values are cut.
    """
    result = {"same": 1, "other": "x" * 200, "extra": 3}
    expected = {"same": 1, "other": "y", "absent": 2}
    with pytest.raises(AssertionError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    assert str(caught.value) == (
        "The result was not the expected one (1 check).\n"
        "  missing:    'absent': 2\n"
        f"  different:  'other': expected 'y', last '{'x' * 116}...\n"
        "  unexpected: 'extra': 3"
    )


def test_a_part_that_differs_is_told_by_its_path() -> None:
    """Of dicts, lists, and texts that are JSON of them; and of pairs and rows that
    begin with the same text.
    """
    result = {"lines": [{"n": 1}, {"n": 1}], "old": 0}
    expected = {"lines": [{"n": 1}, {"n": 2}], "new id": 0}
    by_path = [
        "'a'.lines[1].n: expected 2, last 1",
        "'a'['new id']: missing, expected 0",
        "'a'.old: unexpected, last 0",
    ]
    lines = "\n".join(f"  different:  {line}" for line in by_path)
    assert shown({"a": result}, {"a": expected}) == lines
    assert shown([("a", result)], InAnyOrder([("a", expected)])) == lines
    as_json = {"a": json.dumps(result)}, {"a": json.dumps(expected)}
    assert shown(*as_json) == lines
    row = Row(k="a", total=1, n=[1])
    assert shown([row], [Row(k="a", total=2, n=[1])]) == (
        "  different:  'a'.total: expected 2, last 1"
    )


def test_parts_of_another_shape_are_shown_whole() -> None:
    """A list of another length, and JSON that differs in its spaces alone."""
    assert shown({"a": [1, 2]}, {"a": [1]}) == (
        "  different:  'a': expected [1], last [1, 2]"
    )
    assert shown({"a": '{"n": 1}'}, {"a": '{"n":1}'}) == (
        """  different:  'a': expected '{"n":1}', last '{"n": 1}'"""
    )


def test_many_differences_are_counted() -> None:
    """Ten lines of a kind are shown."""
    with pytest.raises(AssertionError) as caught:
        assert_eventually(dict, {n: n for n in range(13)}, timeout=0)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[-2:] == ["  missing:    9: 9", "  ... and 3 more"]


def test_the_difference_of_frames_is_shown() -> None:
    """Columns come first, then labels, then rows; arrays are shown as lists."""
    assert shown(FRAME, FRAME.rename(columns={"v": "w"})) == (
        "  different:  columns: expected ['k', 'w'], last ['k', 'v']"
    )
    assert shown(FRAME, FRAME.set_index(pd.Index([5, 6]))) == (
        "  different:  labels: expected [5, 6], last [0, 1]"
    )
    assert shown(FRAME, FRAME.assign(v=[1.0, 2.0])) == (
        "  missing:    (None, 2.0)\n  unexpected: (None, None)"
    )
    assert shown(FRAME, FRAME.iloc[::-1].reset_index(drop=True)) == (
        "  expected: [(None, None), ('a', 1.0)]\n  last:     [('a', 1.0), (None, None)]"
    )
    assert (
        shown(np.array([1, 2]), [1, 3]) == "  missing:    3\n  unexpected: np.int64(2)"
    )
    assert shown([NAN, "x"], [NAN]) == "  unexpected: 'x'"
    assert shown({"k": FRAME}, {"k": FRAME.iloc[:1]}) == (
        "  different:  'k': expected    k    v 0  a  1.0, "
        "last       k    v 0     a  1.0 1  None  NaN"
    )
    assert shown(FRAME, None) == (
        "  expected: None\n"
        "  last:     Table(kind='pandas.DataFrame', columns=['k', 'v'], labels=[0, 1], "
        "values=[['a', None], [1.0, None]])"
    )
