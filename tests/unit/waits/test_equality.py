"""What is equal to what: one rule, by which results, rows and records are compared."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import Row

from spark_kafka_testkit._waits.equality import InAnyOrder, equal, key_of, unmatched
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError

NAN = float("nan")
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001  a naive one
FRAME = pd.DataFrame({"k": ["a", None], "v": [1.0, NAN]})


class Upper:
    """A matcher: of a text in capitals."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.isupper()


class Never:
    """A matcher that must not be asked."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise LookupError("as the test wants it")


EQUAL = {
    "numbers of any kind": (1, Decimal("1.0")),
    "a number and True": (1, True),
    "a number of NumPy": (np.int64(5), 5),
    "NaN": (NAN, -NAN),
    "NaN of other kinds": (np.float32("nan"), Decimal("nan")),
    "not-a-time": (np.datetime64("NaT"), np.datetime64("NaT")),
    "NaN in a list": ([1, NAN], [1, -NAN]),
    "NaN deep down": ({"k": [(NAN, "v")]}, {"k": [(-NAN, "v")]}),
    "NaN as a key": ({NAN: 1}, {-NAN: 1}),
    "NaN in a set": ({NAN, 1}, {1, -NAN}),
    "a list and a tuple": ([1, [2]], (1, (2,))),
    "a row and a tuple": (Row(a=1, b=Row(c=NAN)), (1, (-NAN,))),
    "rows with other names": (Row(a=1), Row(b=1)),
    "bytes of any kind": (b"ab", bytearray(b"ab")),
    "a view of bytes": (memoryview(b"ab"), b"ab"),
    "times of two zones": (
        NOON.replace(tzinfo=timezone.utc),
        NOON.replace(hour=13, tzinfo=timezone(timedelta(hours=1))),
    ),
    "a time of pandas": (pd.Timestamp(NOON), NOON),
    "arrays": (np.array([[1, 2], [3, 4]]), np.array([[1.0, 2.0], [3.0, 4.0]])),
    "an array and a list": (np.array([1.0, NAN]), [1, NAN]),
    "an array without dimensions": (np.array(5), 5),
    "an array of times": (np.array([NOON], "datetime64[ns]"), [NOON]),
    "an array in a dict": ({"a": [np.arange(3)]}, {"a": [np.arange(3)]}),
    "an Arrow array": (pa.array([1, None]), [1, None]),
    "an Arrow value": (pa.scalar(5), 5),
    "Arrow tables": (
        pa.table({"a": pa.array([1, 2], pa.int8())}),
        pa.table({"a": pa.chunked_array([[1], [2]])}),
    ),
    "frames": (FRAME, FRAME.copy()),
    "frames of other types": (
        pd.DataFrame({"v": [1, 2]}),
        pd.DataFrame({"v": [1.0, 2.0]}),
    ),
    "a frame's missing values": (
        pd.DataFrame({"v": pd.array([1, None], "Int64")}),
        pd.DataFrame({"v": [1, None]}, dtype=object),
    ),
    "a frame in a list": ([FRAME], [FRAME.copy()]),
    "series": (FRAME["v"], FRAME["v"].copy()),
    "counters": (Counter(a=0), Counter()),
    "a matcher": ("AB", Upper()),
    "a matcher in a row": (Row(a="AB", n=NAN), (Upper(), NAN)),
    "a matcher of an array": (np.array([0.1 + 0.2]), pytest.approx(np.array([0.3]))),
    "matchers beside NaN": (
        {"a": NAN, "b": 0.1 + 0.2},
        {"a": NAN, "b": pytest.approx(0.3)},
    ),
}
DIFFERENT = {
    "text and bytes": ("a", b"a"),
    "a text and a list": ("ab", ["a", "b"]),
    "NaN and None": (NAN, None),
    "NaN and a number": (NAN, 1.0),
    "a time with a zone and one without": (NOON, NOON.replace(tzinfo=timezone.utc)),
    "a row and a dict": (Row(a=1), {"a": 1}),
    "lists in another order": ([1, 2], [2, 1]),
    "ordered dicts in another order": (
        OrderedDict(a=1, b=NAN),
        OrderedDict(b=NAN, a=1),
    ),
    "a float and a Decimal that is not the same": (0.1, Decimal("0.1")),
    "a set and a list": ({1}, [1]),
    "arrays of other shapes": (np.zeros((0, 3)), np.zeros((3, 0))),
    "a list of one and a number of NumPy": ([5], np.int64(5)),
    "a text and a number of NumPy": ("5", np.int64(5)),
    "frames with other labels": (FRAME, FRAME.set_index(pd.Index([5, 6]))),
    "frames with other columns": (FRAME, FRAME[["v", "k"]]),
    "a frame and its rows": (FRAME, FRAME.to_numpy().tolist()),
    "pandas' missing value": (pd.NA, 1),
    "a dict with one more": ({"a": NAN}, {"a": NAN, "b": 1}),
    "a dict with another key": ({"a": 1}, {"b": 1}),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_equal_values_are_equal(one: Any, other: Any) -> None:
    """They are so from either side, deep inside, and wherever order does not count."""
    for left, right in ((one, other), (other, one)):
        assert equal(left, right)
        assert equal({"k": [left]}, {"k": [right]})
        assert equal(InAnyOrder([left, 1]), [1, right])
        assert unmatched([left, "x"], ["y", right]) == (["x"], ["y"])
        assert_eventually(lambda left=left: left, right, timeout=0)  # type: ignore[misc]


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_values_are_not_equal(one: Any, other: Any) -> None:
    """They are so from neither side, and the difference can be shown."""
    for left, right in ((one, other), (other, one)):
        assert not equal(left, right)
        assert not equal({"k": [left]}, {"k": [right]})
        assert not equal(InAnyOrder([[left], 1]), [1, [right]])
        with pytest.raises(WaitError, match=r"^Wrong answer: "):
            assert_eventually(lambda left=left: left, right, timeout=0)  # type: ignore[misc]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, NAN, Decimal(1), Decimal("nan"), "", "a", b"a"])
    | st.just(bytearray(b"a")).map(bytearray)
    | st.sampled_from([1, 2]).map(np.int64),
    lambda items: (
        st.lists(items, max_size=3)
        | st.lists(items, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", 1, NAN]), items, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_equality_has_two_sides_and_one_key(one: Any, other: Any) -> None:
    """What is equal from one side is so from the other, and is found by its key."""
    assert equal(one, one)
    assert equal(one, other) == equal(other, one)
    assert equal(one, other) == (key_of(one) == key_of(other))


@given(st.lists(VALUES, max_size=6), st.randoms())
def test_items_in_any_order_are_equal(items: list[Any], random: Any) -> None:
    """How often each is there does count."""
    shuffled = random.sample(items, len(items))
    assert equal(InAnyOrder(items), shuffled)
    assert unmatched(items, shuffled) == ([], [])
    assert not equal(InAnyOrder(items), [*shuffled, *shuffled, "more"])


def test_a_matcher_may_take_a_frame_or_an_array() -> None:
    """Their own `==` is none that says yes or no."""
    for value in (FRAME, FRAME["v"], np.arange(3), [FRAME]):
        assert equal(value, ANY)
        assert equal([1, ANY], [1, value])
        assert equal(InAnyOrder([ANY, 1]), [1, value])


class WholeFrame:
    """A matcher: of a frame that lacks nothing."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, pd.DataFrame) and bool(other.notna().all(axis=None))


def test_a_matcher_sees_a_frame_as_it_is() -> None:
    """It does not see the lists by which two frames are compared."""
    for one, other in ((FRAME.dropna(), WholeFrame()), (WholeFrame(), FRAME.dropna())):
        assert equal([one], (other,))
    assert not equal(FRAME, WholeFrame())


def test_matchers_do_not_take_each_others_values() -> None:
    """The one that takes anything makes way for those that do not."""
    expected = [ANY, ANY, pytest.approx(1.0), Upper()]
    for values in (["AB", 1.0, "CD", 2], [2, 1.0, "CD", "AB"], [1.0, 1.0, 5, "A"]):
        assert equal(InAnyOrder(expected), values)
    assert not equal(InAnyOrder(expected), ["AB", 2, 2, "CD"])


class Counted:
    """A value that counts how often two of its kind are compared."""

    compared = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return isinstance(other, Counted) and other.number == self.number


@pytest.mark.parametrize("container", [tuple, list], ids=["hashable", "not hashable"])
def test_many_items_are_not_compared_each_with_each(container: Any) -> None:
    """All of them are there, or none is."""
    size = 10_000
    items = [container([Counted(n), "x"]) for n in range(2 * size)]
    Counted.compared = 0
    assert equal(InAnyOrder(items), items[::-1])
    left, right = unmatched(items[:size], items[size:])
    assert (len(left), len(right)) == (size, size)
    assert Counted.compared < 10 * size


class Vague:
    """Its `==` says neither yes nor no, as that of a tensor does."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise RuntimeError("ambiguous")


class Vaguer(Vague):
    """So does this one."""

    __hash__ = None

    def __eq__(self, other: object) -> Any:
        return Vague()


def test_values_that_can_not_be_compared_are_refused() -> None:
    """The error comes at once: there is no use in another try."""
    with pytest.raises(TypeError) as caught:
        assert_eventually(Vaguer, Vaguer(), timeout=60)
    assert str(caught.value) == (
        "The kit can't tell whether a Vaguer equals a Vaguer: their == is neither true "
        "nor false. Give a function of the result instead of an expected value."
    )


def test_what_a_matcher_raises_goes_through() -> None:
    """It is not taken for 'not equal', wherever it stands."""
    for expected in (Never(), [Never()], {"k": (Never(), NAN)}):
        result = {"k": [1, NAN]} if isinstance(expected, dict) else [1]
        with pytest.raises(LookupError, match="as the test wants it"):
            assert_eventually(lambda result=result: result, expected, timeout=60)  # type: ignore[misc]


def test_a_function_of_an_array_or_frame_decides_alone() -> None:
    """It is not compared with what it is to judge."""
    assert_eventually(lambda: np.arange(3), lambda array: array.sum() == 3, timeout=0)
    assert_eventually(lambda: FRAME, lambda frame: len(frame) == 2, timeout=0)


def test_frames_of_polars_are_compared() -> None:
    """They go by their columns and values; null is not NaN there."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"k": ["a", None], "v": [1.0, NAN]})
    assert equal(frame, frame.clone())
    assert equal([frame["v"]], [frame["v"].clone()])
    assert not equal(frame, frame.select("v", "k"))
    assert not equal(frame, frame.fill_nan(None))
    assert math.isnan(frame["v"][1])
