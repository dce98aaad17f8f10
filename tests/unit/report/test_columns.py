"""A test's facts as JSON."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any

from spark_kafka_testkit._report.columns import columns, packed, thinned
from spark_kafka_testkit._report.facts import (
    BatchFacts,
    QueryFacts,
    TestFacts,
    TopicEnd,
)
from spark_kafka_testkit._timeline import Wait

from .synthetic import BEGUN, facts

BATCHES = [
    BatchFacts(0, BEGUN + 1, 0.25, 3, {"in": 3}),
    BatchFacts(1, BEGUN + 2, None, 4, {"in": 7}, watermark=BEGUN - 60),
]
QUERY = QueryFacts("bills", "ended", False, False, BATCHES)


def test_a_tests_facts_are_columns() -> None:
    """Times are in milliseconds since the test began. Empty columns are left out."""
    wait = Wait("check_answer", BEGUN + 1, BEGUN + 1.5, "WaitError", "test_a.py:3")
    ends = {"in": [TopicEnd(BEGUN + 0.5, 3), TopicEnd(BEGUN + 1.5, 7)]}
    assert columns(TestFacts(BEGUN, BEGUN + 3, [QUERY], ends, [wait], 2)) == {
        "begun": 1_796_000_000_000,
        "took": 3000,
        "topics": {"in": {"t": [500, 1500], "end": [3, 7]}},
        "queries": [
            {
                "name": "bills",
                "does": "ended",
                "clocked": False,
                "id": [0, 1],
                "t": [1000, 2000],
                "rows": [3, 4],
                "reached": {"in": [3, 7]},
                "ms": [250, None],
                "watermark": [None, 1_795_999_940_000],
            }
        ],
        "waits": [["check_answer", 1000, 500, "WaitError", "test_a.py:3"]],
        "left_out": 2,
    }


def test_a_query_by_a_tests_clock_keeps_its_times() -> None:
    """Its times are those of the clock, and its batches have no duration."""
    clocked = replace(QUERY, is_clocked=True)
    (told,) = columns(TestFacts(BEGUN, BEGUN + 3, [clocked]))["queries"]
    assert told["t"] == [1_796_000_001_000, 1_796_000_002_000]
    assert "ms" not in told


def test_long_queries_are_thinned_evenly() -> None:
    """The first and the last batch are kept, and so is every wait that failed."""
    whole = columns(facts(100))
    whole["waits"] = [[*wait[:3], "", ""] for wait in whole["waits"][:1] * 20] + [
        ["check_answer", 1, 2, "WaitError", ""]
    ]
    short = thinned(whole, 10)
    for query in short["queries"]:
        assert query["of"] == 100
        assert query["id"] == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
        assert {len(query[name]) for name in ("t", "rows", "ms")} == {10}
        assert [len(reached) for reached in query["reached"].values()] == [10]
    assert {len(topic["end"]) for topic in short["topics"].values()} == {10}
    assert short["waits"][-1][3] == "WaitError"
    assert thinned(whole, 100)["queries"] == whole["queries"]


def test_columns_can_be_had_back() -> None:
    """Packed columns add up to the original ones. Unknown values stay None."""

    def unpacked(column: list[Any]) -> list[Any]:
        sums = accumulate(step or 0 for step in column)
        return [
            None if step is None else sum_
            for step, sum_ in zip(column, sums, strict=True)
        ]

    whole = columns(facts(5))
    for query, short in zip(whole["queries"], packed(whole)["queries"], strict=True):
        for name in ("t", "rows", "id", "watermark"):
            assert unpacked(short[name]) == query[name], name
        assert short["name"] == query["name"]
