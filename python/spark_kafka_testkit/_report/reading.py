"""Read a query's progress as facts."""

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
"""The name that the kit gives to a query with a memory sink."""

Ends = tuple[float, str, dict[int, int]]
"""A time, a topic, and its end offset in each partition at that time.

The time is in seconds since the epoch.
"""


class ReadQuery:
    """A query, and what it reported each time it was read.

    It is read before it is stopped, and at the end of its test. All starts of a query
    count as one.

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
        """Add what a start of the query reports now.

        Args:
            query: the start.
            since: a time in seconds since the epoch. Batches that began before it are
                left out, unless the query runs by a test's clock.
        """
        state = QueryState(query)
        self._is_clocked = self._is_clocked or state.is_clocked
        told: Any = query.recentProgress  # dicts, whatever type PySpark declares
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
        """Everything that was read."""
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
        """The topics that it reads and writes, and the beginning of its id."""
        read = dict.fromkeys(topic for batch in batches for topic in batch.reached)
        way = " → ".join(filter(None, [", ".join(read), self._sink_topic]))
        return f"{way} ({self._id[:8]})" if way else self._id[:8]

    def ends(self) -> Iterator[Ends]:
        """The ends of its source topics, as its sources have seen them.

        Empty for a query that runs by a test's clock.
        """
        if self._is_clocked:
            return  # their times would be those of its clock, unlike all others
        for progress in list(self._progress.values()):  # a slow read may add some
            begun = _seconds(str(progress["timestamp"]))
            for source in progress["sources"]:
                for told in (source.get("latestOffset"), source["endOffset"]):
                    for topic, ends in offsets_of(told).items():
                        yield begun, topic, ends


def added_up(seen: Iterable[Ends], begun: float) -> dict[str, list[TopicEnd]]:
    """How the end of each topic rose, added up over its partitions.

    For each partition, the highest end seen so far counts.

    Args:
        seen: the ends that were seen, in any order.
        begun: when the report begins. Earlier times are moved to it.
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
                # a progress may lack a partition that an earlier one had
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
            watermark=moment or None,  # 1970 means that it has seen no event time
        )


def _seconds(timestamp: str) -> float:
    return time_of(timestamp).timestamp()
