"""Facts from a query's progress."""

from __future__ import annotations

from typing import Any

from spark_kafka_testkit._report.facts import BatchFacts, QueryFacts, TopicEnd
from spark_kafka_testkit._report.reading import ReadQuery, added_up

DAY = 1_767_225_600.0  # 2026-01-01 UTC


class Query:
    """A stand-in for a query that has ended, because Spark's own classes need a JVM."""

    id = "67c2fcd5-0ecc-4a62-b7a4-a02d1300004d"
    name: str | None = None
    isActive = False  # noqa: N815  as PySpark has it

    def __init__(self, run: str, *progress: dict[str, Any]) -> None:
        self.runId, self.recentProgress = run, progress
        self.lastProgress = progress[-1]
        self.status: dict[str, Any] = {"message": "Stopped"}

    def exception(self) -> None:
        return None


def progress(number: int, second: int, end: dict[str, int], **more: Any) -> Any:
    """The progress of a batch that began at this second of the day."""
    return {
        "batchId": number,
        "timestamp": f"2026-01-01T00:00:{second:02}.000Z",
        "durationMs": {"triggerExecution": 250},
        "eventTime": {"watermark": "1970-01-01T00:00:00.000Z"},
        "stateOperators": [],
        "sources": [
            {
                "description": "KafkaV2[Subscribe[in]]",
                "startOffset": None,
                "endOffset": {"in": end},
                "latestOffset": {"in": {"0": 10}},
                "numInputRows": 2,
            }
        ],
        **more,
    }


def test_all_starts_of_a_query_are_one() -> None:
    """A batch that is read twice counts once, and one that ran again counts twice.

    A partition that is missing in a progress keeps its position.
    """
    operator = {
        "operatorName": "dedupe",
        "numRowsTotal": 3,
        "memoryUsedBytes": 400,
        "numRowsDroppedByWatermark": 1,
    }
    first = progress(0, 1, {"0": 2, "1": 1})
    again = progress(
        0,
        5,
        {"0": 4},
        stateOperators=[operator],
        eventTime={"watermark": "2026-01-01T00:00:00.000Z"},
        durationMs={},
    )
    query: Any = Query("run 1", first)
    read = ReadQuery(query)
    read.read(query, since=DAY)
    read.read(query, since=DAY)
    other: Any = Query("run 2", again)
    read.read(other, since=DAY)
    assert read.facts() == QueryFacts(
        name="in (67c2fcd5)",
        state="ended",
        is_clocked=False,
        is_stateful=True,
        batches=[
            BatchFacts(0, DAY + 1, 0.25, 2, {"in": 3}),
            BatchFacts(0, DAY + 5, None, 2, {"in": 5}, 3, 400, 1, DAY),
        ],
    )


def test_a_query_has_its_own_name() -> None:
    """A name that the kit gave to a query with a memory sink is not shown."""
    names = ("bills", f"run_stream_{'0' * 32}")
    told = []
    for name in names:
        query: Any = Query("run", progress(0, 1, {"0": 2}))
        query.name = name
        read = ReadQuery(query)
        read.read(query, since=DAY)
        told.append(read.facts().name)
    assert told == ["bills", "in (67c2fcd5)"]


def test_batches_before_the_test_are_left_out() -> None:
    """They belong to an earlier test, if a fixture of a wider scope runs the query."""
    query: Any = Query("run", progress(0, 1, {"0": 2}), progress(1, 3, {"0": 4}))
    read = ReadQuery(query)
    read.read(query, since=DAY + 2)
    assert [batch.id for batch in read.facts().batches] == [1]


def test_ends_of_topics_are_added_up_over_partitions() -> None:
    """The last end seen of a partition counts, and an end never goes back."""
    seen = [
        (DAY + 2, "in", {1: 5}),
        (DAY - 1, "in", {0: 1}),
        (DAY + 3, "in", {0: 1, 1: 4}),
        (DAY + 4, "in", {0: 2}),
    ]
    assert added_up(seen, DAY) == {
        "in": [TopicEnd(DAY, 1), TopicEnd(DAY + 2, 6), TopicEnd(DAY + 4, 7)]
    }
    query: Any = Query("run", progress(0, 1, {"0": 2}))
    read = ReadQuery(query)
    read.read(query, since=DAY)
    assert list(read.ends()) == [(DAY + 1, "in", {0: 10}), (DAY + 1, "in", {0: 2})]
