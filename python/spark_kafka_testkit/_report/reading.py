"""What a query's progress says, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._queries.batch import (
    operators_sum,
    rows_in,
    time_of,
    watermark_of,
)
from spark_kafka_testkit._queries.planned import sink_topic
from spark_kafka_testkit._queries.position import Offsets, offsets_of, sources_of
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._report.facts import BatchFacts, QueryFacts, TopicEnd

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["Ends", "ReadQuery", "added_up"]

OF_RUN = re.compile(r"run_stream_[0-9a-f]{32}")
"""What the kit calls a query with a memory sink."""

Ends = tuple[float, str, dict[int, int]]
"""When, and where a topic ended then."""


class ReadQuery:
    """A query as it was read: while it ran, before it was stopped, and at the end of
    its test. All its starts are one.

    Args:
        query: one of its starts.
    """

    def __init__(self, query: StreamingQuery) -> None:
        name = query.name or ""
        self._name = "" if OF_RUN.fullmatch(name) else name
        self._id = str(query.id)
        self._sink_topic: str | None = None
        self._is_clocked = False
        self._state = ""
        self._progress: dict[tuple[str, int, str], Any] = {}

    def read(self, query: StreamingQuery, since: float) -> None:
        """Takes in what a start of the query says now.

        Args:
            query: the start.
            since: batches that began before are not of interest, unless they go by a
                test's clock.
        """
        state = QueryState(query)
        self._is_clocked = self._is_clocked or state.is_clocked
        told: Any = query.recentProgress  # lists of dicts, whatever PySpark says
        for progress in told:
            number, begun = int(progress["batchId"]), str(progress["timestamp"])
            if self._is_clocked or _seconds(begun) >= since:
                self._progress[str(query.runId), number, begun] = progress
        if not self._name:
            self._sink_topic = self._sink_topic or sink_topic(query)
        cause = state.cause_of_death
        is_active = state.is_active
        self._state = f"died of: {cause}" if cause else "runs" if is_active else "ended"

    def facts(self) -> QueryFacts:
        """All of it."""
        kept = list(self._progress.values())
        batches = list(_batches(kept))
        return QueryFacts(
            name=self._name or self._described(batches),
            state=self._state,
            is_clocked=self._is_clocked,
            is_stateful=any(one["stateOperators"] for one in kept),
            batches=batches,
        )

    def _described(self, batches: Sequence[BatchFacts]) -> str:
        """What it reads and writes, and the beginning of its id."""
        read = dict.fromkeys(topic for batch in batches for topic in batch.reached)
        way = " → ".join(filter(None, [", ".join(read), self._sink_topic]))
        return f"{way} ({self._id[:8]})" if way else self._id[:8]

    def ends(self) -> Iterator[Ends]:
        """Where the topics of its sources ended, as the sources have seen them."""
        if self._is_clocked:
            return  # at times of the test's clock, which are no use to others
        for progress in list(self._progress.values()):  # a late read may add some
            begun = _seconds(str(progress["timestamp"]))
            for source in progress["sources"]:
                for told in (source.get("latestOffset"), source["endOffset"]):
                    for topic, ends in offsets_of(told).items():
                        yield begun, topic, ends


def added_up(seen: Iterable[Ends], begun: float) -> dict[str, list[TopicEnd]]:
    """Per topic how its end went up. What was seen of a partition holds until more is
    seen of it.
    """
    ends: dict[str, dict[int, int]] = {}
    told: dict[str, list[TopicEnd]] = {}
    for at, topic, partitions in sorted(seen, key=lambda one: one[0]):
        known = ends.setdefault(topic, {})
        for partition, end in partitions.items():
            known[partition] = max(end, known.get(partition, 0))
        moment, total = max(at, begun), sum(known.values())
        steps = told.setdefault(topic, [])
        if not steps or steps[-1].end != total:
            steps.append(TopicEnd(moment, total))
    return told


def _batches(progress: Sequence[Any]) -> Iterator[BatchFacts]:
    reached: Offsets = {}
    for one in progress:
        for source in sources_of(one):
            for topic, offsets in source.reached.items():
                # a progress may lack a partition that one before it had
                reached.setdefault(topic, {}).update(offsets)
        took = (one.get("durationMs") or {}).get("triggerExecution")
        watermark = watermark_of(one)
        moment = None if watermark is None else watermark.timestamp()
        yield BatchFacts(
            id=int(one["batchId"]),
            begun=_seconds(str(one["timestamp"])),
            seconds=None if took is None else took / 1000,
            rows=rows_in(one),
            reached={topic: sum(ends.values()) for topic, ends in reached.items()},
            state_rows=operators_sum(one, "numRowsTotal"),
            state_bytes=operators_sum(one, "memoryUsedBytes"),
            late_rows=operators_sum(one, "numRowsDroppedByWatermark"),
            watermark=moment or None,  # 1970 is that of a query which has seen no time
        )


def _seconds(timestamp: str) -> float:
    return time_of(timestamp).timestamp()
