"""What assert_eventually shows of a difference."""

from __future__ import annotations

import json
from collections import OrderedDict
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row

from spark_kafka_testkit._waits.difference import difference
from spark_kafka_testkit._waits.equality import InAnyOrder
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError

WRONG = "Wrong answer: "
NAN = float("nan")
FRAME = pd.DataFrame({"k": ["a", None], "v": [1.0, NAN]})


def failure(result: Any, expected: Any) -> str:
    """The text of an assertion that looks once."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    return str(caught.value)


def shown(result: Any, expected: Any) -> str:
    """What is shown of a difference in full, below the first line."""
    return "\n".join(difference(result, expected).lines)


@pytest.mark.parametrize(
    ("result", "expected", "told"),
    [
        ({}, {"k": 1}, "missing 'k': 1"),
        ({"k": 1}, {}, "unexpected 'k': 1"),
        ({"k": 1}, {"k": 2}, "'k': expected 2, last 1"),
        ({"k": None}, {"k": ""}, "'k': expected '', last None"),
        ({None: 1}, {}, "unexpected None: 1"),
        ([1], {1: 1}, "expected {1: 1}, last [1]"),
        ([1, 1], [1], "repeated 1: expected once, found 2 times"),
        ([1], [1, 1], "missing 1: expected 2 times, found once"),
        ([1, 2], [2, 1], "expected [2, 1], last [1, 2]"),
        (None, 0, "expected 0, last None"),
    ],
)
def test_a_short_difference_is_told_in_one_line(
    result: Any, expected: Any, told: str
) -> None:
    """It is not repeated below."""
    assert failure(result, expected) == WRONG + told


@pytest.mark.parametrize(
    ("result", "expected", "told", "lines"),
    [
        (
            {b"k": 1},
            {"k": 1},
            "missing 'k': 1, and 1 more",
            "  missing:    'k': 1\n  unexpected: b'k': 1",
        ),
        (
            [1, 2],
            [2, 3, 3],
            "missing 3, and 2 more",
            "  missing:    3\n  missing:    3\n  unexpected: 1",
        ),
        ({1}, {2}, "missing 2, and 1 more", "  missing:    2\n  unexpected: 1"),
        (
            [[1]],
            [[2], {}],
            "missing [2], and 2 more",
            "  missing:    [2]\n  missing:    {}\n  unexpected: [1]",
        ),
        ((1,), [2], "missing 2, and 1 more", "  missing:    2\n  unexpected: 1"),
    ],
)
def test_of_several_differences_the_first_line_has_one(
    result: Any, expected: Any, told: str, lines: str
) -> None:
    """All are listed below."""
    assert failure(result, expected) == f"{WRONG}{told}\n{lines}"


@pytest.mark.parametrize(
    ("result", "expected", "first", "form"),
    [
        ({}, dict.fromkeys(range(13), 0), "missing 0: 0", "  missing:    {n}: 0"),
        (dict.fromkeys(range(13), 0), {}, "unexpected 0: 0", "  unexpected: {n}: 0"),
        (
            dict.fromkeys(range(13), 0),
            dict.fromkeys(range(13), 1),
            "0: expected 1, last 0",
            "  different:  {n}: expected 1, last 0",
        ),
        (
            [*range(13), *range(13)],
            list(range(13)),
            "repeated 0: expected once, found 2 times",
            "  repeated:   {n}: expected once, found 2 times",
        ),
    ],
    ids=["missing", "unexpected", "different", "repeated"],
)
def test_each_list_is_cut_after_ten(
    result: Any, expected: Any, first: str, form: str
) -> None:
    """What was left out is counted."""
    lines = [form.format(n=n) for n in range(10)]
    assert failure(result, expected) == "\n".join(
        [f"{WRONG}{first}, and 12 more", *lines, "  ... and 3 more"]
    )


def test_a_list_of_ten_is_not_cut() -> None:
    """'and 0 more' is not said."""
    lines = [f"  missing:    {n}: 0" for n in range(10)]
    assert shown({}, dict.fromkeys(range(10), 0)) == "\n".join(lines)


@pytest.mark.parametrize(
    ("length", "shown_value"),
    [(118, f"'{'x' * 118}'"), (119, f"'{'x' * 116}...")],
)
def test_a_long_value_is_cut(length: int, shown_value: str) -> None:
    """It is cut at 120 characters, quotes counted."""
    assert shown(["x" * length], []) == f"  unexpected: {shown_value}"


def test_long_values_are_cut_where_they_differ() -> None:
    """The same beginning of both says nothing. The first line has both."""
    one, other = "x" * 500 + "one" + "y" * 500, "x" * 500 + "other"
    assert failure({"k": one}, {"k": other}) == (
        f"{WRONG}'k': expected ...{'x' * 19}other', last ...{'x' * 19}one{'y' * 12}...\n"
        f"  different:  'k': expected ...{'x' * 19}other', "
        f"last ...{'x' * 19}one{'y' * 92}..."
    )


@pytest.mark.parametrize("key", ["k", "k" * 200])
def test_the_first_line_stays_short(key: str) -> None:
    """Whatever differs."""
    values = "x" * 500, ["y" * 500], {"z": "z" * 500}
    for result, expected in product(values, values):
        if result is not expected:
            first = failure({key: result}, {key: expected}).partition("\n")[0]
            assert len(first) <= len(WRONG) + 120


def test_dicts_that_differ_in_order_alone_are_shown() -> None:
    """An error that shows no difference helps nobody."""
    forth, back = OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)
    assert failure(forth, back) == (f"{WRONG}expected {back!r}, last {forth!r}")


def test_dicts_are_compared_key_by_key() -> None:
    """What is missing, different and unexpected stands each on its line, and long
    values are cut.
    """
    result = {"same": 1, "other": "x" * 200, "extra": 3}
    expected = {"same": 1, "other": "y", "absent": 2}
    with pytest.raises(AssertionError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    assert str(caught.value) == (
        "Wrong answer: missing 'absent': 2, and 2 more\n"
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
        "  different:  expected [(None, None), ('a', 1.0)], "
        "last [('a', 1.0), (None, None)]"
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
        "  different:  expected None, last "
        "Table(kind='pandas.DataFrame', columns=['k', 'v'], labels=[0, 1], "
        "values=[['a', None], [1.0, None]])"
    )
