"""What is equal to what, where an answer is compared with what was expected."""

from __future__ import annotations

import datetime
import decimal
from collections import OrderedDict
from typing import Any
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import Row

from spark_kafka_testkit._waits import equality
from spark_kafka_testkit._waits.equality import AnyOrder, equal, unmatched
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError

NAN = float("nan")
NOON = datetime.datetime(2026, 1, 1, 12)  # noqa: DTZ001  as Spark gives them
FRAME = pd.DataFrame({"a": [1.0, NAN], "b": ["x", None]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NAN, float("nan")),
        (np.float32("nan"), NAN),
        (decimal.Decimal("nan"), NAN),
        ([NAN, {"a": (NAN,)}], [float("nan"), {"a": (float("nan"),)}]),
        (np.array([1, 2]), [1, 2]),
        (np.array([1.0, NAN]), np.array([1.0, NAN])),
        ({"a": np.array([[1], [2]])}, {"a": [[1], [2]]}),
        (np.int64(1), 1),
        (FRAME, FRAME.copy()),
        ([FRAME], [FRAME.copy()]),
        (FRAME["a"], FRAME["a"].copy()),
        (pa.table({"a": [1]}), {"a": [1]}),
        (pa.array([1, None]), [1, None]),
        (Row(a=1, b=Row(c=None)), (1, (None,))),
        (decimal.Decimal("1.0"), 1),
        (b"x", bytearray(b"x")),
        (ANY, FRAME),
        ([1.001], [pytest.approx(1, abs=0.1)]),
        (pytest.approx([1, 2]), [1, 2]),
        (pd.NA, pd.NA),
        (AnyOrder([1, 2, 2]), [2, 1, 2]),
    ],
)
def test_equal(one: Any, other: Any) -> None:
    """By values, also nested, also where `==` itself says neither yes nor no."""
    assert equal(one, other)
    assert equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NAN, None),
        (np.array([1, 2]), [1, 3]),
        (np.array([1, 2]), [1, 2, 3]),
        (FRAME, FRAME.rename(columns={"a": "c"})),
        (FRAME, FRAME.set_index("b")),
        ([1], (1,)),
        (decimal.Decimal("0.1"), 0.1),
        (NOON, NOON.replace(tzinfo=datetime.timezone.utc)),
        ("x", b"x"),
        ("1", 1),
        (pd.NA, 1),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        (AnyOrder([1, 2]), [1, 1]),
        (AnyOrder([1]), {1}),
        ({"a": 1}, {"b": 1}),
    ],
)
def test_not_equal(one: Any, other: Any) -> None:
    """What differs in kind differs, as by Python's `==`."""
    assert not equal(one, other)
    assert not equal(other, one)


def test_a_spark_data_frame_is_refused() -> None:
    """It is a plan, and no answer; Python would say that it equals nothing."""
    kind = type("DataFrame", (), {"__module__": "pyspark.sql.classic.dataframe"})
    with pytest.raises(TypeError) as caught:
        equal(kind(), [])
    assert str(caught.value) == (
        "A Spark DataFrame can't be compared: give its rows, df.collect(), or "
        "df.toPandas()."
    )


@pytest.mark.parametrize(
    ("ones", "others", "left"),
    [
        ([1, 2, 2, None], [2, None, 3], ([1, 2], [3])),
        ([(1, Row(a=None))], [(1, (None,))], ([], [])),
        ([(ANY, 1), ("a", ANY)], [("a", 1), ("b", 1)], ([], [])),
        ([("a", 1), ("b", ANY)], [("a", 1), ("c", 1)], ([("b", ANY)], [("c", 1)])),
        ([{"x": [1]}, {1}], [{"x": [1]}, {1}], ([], [])),
        ([NAN], [float("nan")], ([], [])),
        ([1], [{1}, {2}], ([1], [{1}, {2}])),
    ],
)
def test_what_two_bags_do_not_share(ones: Any, others: Any, left: Any) -> None:
    """Each item counts as often as it is there; a matcher fits what it can."""
    assert unmatched(ones, others) == left


def test_large_bags_are_not_compared_item_by_item(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what has no key is: else the time would grow with the square of the size."""
    compared = []

    def counting(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return equal(one, other)

    rows = [(str(number), number, [number]) for number in range(30_000)]
    monkeypatch.setattr(equality, "equal", counting)
    assert unmatched([*rows, "a"], ["b", *rows[::-1]]) == (["a"], ["b"])
    assert not compared
    assert unmatched([*rows, ANY], ["b", *rows[::-1]]) == ([], [])
    assert compared == [(ANY, "b")]


def test_an_answer_with_a_table_in_it_is_told_apart() -> None:
    """The text of the error, where `==` would raise that the truth is ambiguous."""
    result = {"rows": np.array([1, 2]), "same": FRAME}
    expected = {"rows": np.array([1, 3]), "same": FRAME.copy()}
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: result, expected, timeout=0)
    assert str(caught.value) == (
        "The result was not the expected one within 0 s (1 checks).\n"
        "  different:  'rows': expected array([1, 3]), last array([1, 2])"
    )
    assert_eventually(lambda: result, {"rows": [1, 2], "same": ANY}, timeout=0)
