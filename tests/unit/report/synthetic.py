"""Reports of invented tests, of a realistic size."""

from __future__ import annotations

from spark_kafka_testkit._report.columns import columns
from spark_kafka_testkit._report.facts import (
    BatchFacts,
    QueryFacts,
    TestFacts,
    TopicEnd,
)
from spark_kafka_testkit._report.page import Entry
from spark_kafka_testkit._timeline import Wait

BEGUN = 1_796_000_000.0
WATERMARK = 1_767_225_600.0
MESSAGE = (
    "WaitError: Wrong answer: missing ('bob', '{\"pages\":1,\"minutes\":0}')\n"
    "1 row was dropped as late: the watermark was 2026-01-01T10:10:00Z, its time "
    "2026-01-01T09:05:00Z. Send in the order of time, or give withWatermark a longer "
    "delay.\n  final after 4 checks: all queries have processed all that is in Kafka, "
    "and wait for data\n"
)


def facts(batches: int, name: str = "test_join") -> TestFacts:
    """The facts of a test with two queries, three topics and three waits.

    Each query reads its own topic.

    Args:
        batches: the number of batches of each query, and of ends of each topic.
        name: the beginning of the topics' names.
    """
    topics = {f"{name}-{label}-1aec8d37": label for label in ("orders", "payments")}
    queries = [
        QueryFacts(label, "ended", False, label == "orders", _batches(topic, batches))
        for topic, label in topics.items()
    ]
    ends = {
        topic: [TopicEnd(BEGUN + 0.517 * n, 41 * n) for n in range(batches)]
        for topic in (*topics, f"{name}-bills-99ec8d30")
    }
    waits = [
        Wait("start", BEGUN + 0.25, BEGUN + 1.125, "", "test_join.py:31"),
        Wait("check_answer", BEGUN + 1.5, BEGUN + 3.25, "", "test_join.py:34"),
        Wait("check_answer", BEGUN + 4, BEGUN + 9.5, "WaitError", "test_join.py:38"),
    ]
    return TestFacts(BEGUN, BEGUN + 10, queries, ends, waits)


def _batches(topic: str, count: int) -> list[BatchFacts]:
    return [
        BatchFacts(
            id=number,
            begun=BEGUN + 1 + 0.713 * number,
            seconds=0.25 + number % 7 / 100,
            rows=30 + number % 11,
            reached={topic: 37 * number},
            state_rows=3 * number,
            state_bytes=4000 + 311 * number,
            late_rows=number % 2,
            watermark=None if number < 2 else WATERMARK + 60 * number,
        )
        for number in range(count)
    ]


def entries(count: int, batches: int) -> list[Entry]:
    """The entries of this many tests, of which every tenth has failed."""
    return [
        Entry(
            f"tests/streaming/test_join.py::test_orders_meet_their_payments[{number}]",
            "failed" if number % 10 == 3 else "passed",
            10.0,
            MESSAGE if number % 10 == 3 else "",
            columns(facts(batches, f"test_orders_meet_their_payments-{number}")),
        )
        for number in range(count)
    ]
