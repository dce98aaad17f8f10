"""When two answers are the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import Row

from spark_kafka_testkit import Record
from spark_kafka_testkit._invariance.answers import Answers, readable_record
from spark_kafka_testkit._invariance.batch_mode import BatchAnswer

ROWS = Answers("rows", None)


@pytest.mark.parametrize(
    ("kind", "one", "other", "repeats", "same"),
    [
        ("rows", [(1,), (2,)], [(2,), (1,)], False, True),
        ("rows", [(1,), (1,)], [(1,)], False, False),
        ("rows", [(1,)], [(1,), (1,)], False, False),
        ("rows", [(1,)], [(1,), (1,)], True, True),
        ("rows", [(1,), (1,)], [(1,)], True, False),
        ("rows", [(1,)], [(1,), (2,)], True, False),
        ("rows", [(0.1 + 0.2,)], [(0.3,)], False, True),
        ("rows", [(0.3,)], [(0.3001,)], False, False),
        ("rows", [(1e-11,)], [(2e-11,)], False, False),
        ("rows", [(0.1 + 0.2 - 0.3,)], [(0.1 - 0.3 + 0.2,)], False, True),
        ("rows", [("a", "0.6000000000000001")], [("a", "0.6")], False, True),
        (
            "rows",
            ['{"a":0.1,"b":0.30000000000000004}'],
            ['{"a":0.1,"b":0.3}'],
            False,
            True,
        ),
        ("rows", ['{"a":0.30000000000000004}'], ['{"b":0.3}'], False, False),
        ("rows", ["0.30000000000000004"], ["0.31"], False, False),
        ("rows", ["1.10"], ["1.1"], False, False),
        ("rows", [(float("nan"),)], [(float("nan"),)], False, True),
        ("rows", [([1.0],)], [([1.0 + 1e-12],)], False, True),
        ("latest", {"a": (1.0,)}, {"a": (1.0 + 1e-12,)}, False, True),
        ("latest", {"a": (1,)}, {"a": (1,), "b": (2,)}, False, False),
        ("set", [(1,), (2,)], [(2,), (1,)], False, True),
        ("by_partition", {0: [1, 2]}, {0: [2, 1]}, False, False),
        (len, 3, 3, False, True),
        (sorted, ["a", "b"], ["b", "a"], False, False),
    ],
)
def test_same_or_not(
    kind: Any, one: Any, other: Any, repeats: bool, same: bool
) -> None:
    answers = Answers(kind, None)
    assert answers.are_same(one, other, repeats=repeats) == same


def test_the_answer_of_rows_and_of_records() -> None:
    rows = [Row(key="a", n=1), Row(key="b", n=2), Row(key="a", n=3)]
    assert ROWS.of(rows, {}) == [("a", 1), ("b", 2), ("a", 3)]
    assert Answers("latest", None).of(rows, {}) == {"a": ("a", 3), "b": ("b", 2)}
    assert Answers("latest", ["n"]).of(rows, {}) == {
        n + 1: tuple(rows[n]) for n in range(3)
    }
    records = [Record("k", 1, partition=1), Record("k", 2, partition=0)]
    assert Answers("set", None).of([*records, records[0]], {}) == [("k", 1), ("k", 2)]
    assert Answers("by_partition", None).of(records, {}) == {
        1: [("k", 1)],
        0: [("k", 2)],
    }


def test_a_row_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  whole, below
        Answers("latest", None).of([Row(user="a", n=1)], {})
    assert str(caught.value) == (
        'answer="latest" needs the key of a row: the rows have no column '
        "'key', only user, n. Give key=, a column name or a list of them."
    )


def test_rows_of_other_keys_are_left_out() -> None:
    assert ROWS.without_others([("a", 1), ("a-other", 2), (b"b-other", 3)]) == [
        ("a", 1)
    ]
    assert ROWS.without_others({"a": 1, "a-other": 2}) == {"a": 1}
    parts = {0: [("a", 1), ("a-other", 2)], 1: [("b-other", 3)]}
    by_partition = Answers("by_partition", None)
    assert by_partition.without_others(parts) == {0: [("a", 1)]}
    assert ROWS.without_others(None) is None  # the job died
    assert by_partition.without_others(None) is None


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        ([("09:00", 2)], True),  # the closer's window is still open in the stream
        ([("09:00", 2), ("later", 1)], True),
        ([], False),
        ([("09:00", 3)], False),
        ([("09:00", 2), ("strange", 1)], False),
    ],
)
def test_what_a_stream_may_answer_against_batch(answer: Any, allowed: bool) -> None:
    """Rows that are the same with and without closers must be in a stream's answer."""
    batch = BatchAnswer([("09:00", 2)], [("09:00", 2), ("later", 1)])
    stage: Any = SimpleNamespace(answers=ROWS)
    outcome: Any = SimpleNamespace(answer=answer)
    assert batch.allows(stage, outcome) == allowed


def test_the_latest_of_a_key_that_the_closer_has_may_be_either() -> None:
    batch = BatchAnswer({"a": (1,), "b": (5,)}, {"a": (2,), "b": (5,)})
    stage: Any = SimpleNamespace(answers=Answers("latest", None))

    def allows(answer: Any) -> bool:
        outcome: Any = SimpleNamespace(answer=answer)
        return batch.allows(stage, outcome)

    assert allows({"a": (1,), "b": (5,)})
    assert allows({"a": (2,), "b": (5,)})
    assert not allows({"a": (3,), "b": (5,)})
    assert not allows({"a": (2,)})
    assert not allows({"a": (2,), "b": (6,)})


def test_a_bytearray_is_bytes() -> None:
    """Before Spark 4.1, binary columns are collected as bytearrays."""
    row = Row(key=bytearray(b"ada"), value=bytearray(b"\xff"))
    assert Answers("latest", None).of([row], {}) == {b"ada": (b"ada", b"\xff")}
    assert readable_record(Record(*row)) == Record("ada", b"\xff")


def test_topics_of_a_run_are_told_by_the_names_of_their_inputs() -> None:
    """Each run has its own. What has none is the very same answer."""
    topics = {"orders": "check-1f-0"}
    named = Answers(lambda held: held, None).of
    row = Row(topic="check-1f-0", n=1)
    assert named([row, {"t": ["check-1f-0"]}, {"check-1f-0"}], topics) == [
        ("orders", 1),
        {"t": ["orders"]},
        {"orders"},
    ]
    plain = [Row(topic="other", n=1)]
    assert named(plain, topics) is plain


def test_another_key_may_be_anywhere_in_a_row() -> None:
    answers = Answers("rows", None)
    others = [('{"key": "ada-other", "n": 1}',), ("ADA-OTHER",)]
    assert answers.without_others([*others, ("ada",)]) == [("ada",)]
