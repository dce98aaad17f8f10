"""Why queries have not written what a test expects, as far as the facts show."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._jvm.plans import output_mode
from spark_kafka_testkit._jvm.spark_jvm import active_queries, session_of
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._queries.batch import operators_sum, rows_in
from spark_kafka_testkit._queries.late import LateRowsReader, listed_times
from spark_kafka_testkit._queries.planned import planned_sources_of_query
from spark_kafka_testkit._queries.position import Position, Source, sources_of
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._text import Cause, did_you_mean, is_misspelled
from spark_kafka_testkit._waits.queries import check_topics, ends_of
from spark_kafka_testkit.errors import UnknownTopicError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["causes"]

log = logging.getLogger("spark_kafka_testkit")

READ_AGAIN = 3  # batches
FEW = 1000  # records of a partition, which are counted
SECONDS = 5.0
WINDOWS = "tateStoreSave"
"""In the names of operators that hold windows, session windows too, until they end."""


def causes(
    cluster: Cluster,
    queries: Sequence[StreamingQuery],
    *,
    is_lacking: bool = True,
    clock: str = "",
) -> list[str]:
    """One or two sentences for each fact that may be the cause, with what to do.

    Args:
        cluster: where the topics are.
        queries: the queries that may write what is expected.
        is_lacking: whether something expected may still be to come.
        clock: what a test's clock of the queries shows, if that is known.
    """
    found: list[str] = []
    try:
        seen = [_Seen.of(query, len(queries), clock) for query in queries]
    except Exception as error:  # noqa: BLE001  the failure itself must be reported
        log.debug("no cause found: %s", error)
        return found
    for find in FINDERS:
        if find in (_began_late, _held, _unread) and not is_lacking:
            continue
        try:
            found += find(cluster, seen)
        except Exception as error:  # noqa: BLE001  as above
            log.debug("no cause found: %s", error)
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Seen:
    """A query and what it has reported so far.

    Attributes:
        name: its name for people, or an empty string if there is only one query.
        clock: what its clock shows, if that is known.
    """

    query: StreamingQuery
    history: list[Any]
    name: str
    clock: str

    @classmethod
    def of(cls, query: StreamingQuery, count: int, clock: str) -> _Seen:
        name = "" if count == 1 else f" {QueryState(query).name}"
        return cls(query, list(query.recentProgress), name, clock)

    @property
    def of_it(self) -> str:
        return f" of query{self.name}" if self.name else ""

    def sources(self) -> list[Source]:
        """Its Kafka sources, according to its plan or its progress."""
        return planned_sources_of_query(self.query) or [
            source for progress in self.history[-1:] for source in sources_of(progress)
        ]


def _strays(cluster: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """What was sent to topics that did not exist and that no query reads."""
    sources = [source for seen in queries for source in seen.sources()]
    for query in active_queries():
        sources += planned_sources_of_query(query)
    if any(source.pattern for source in sources):
        return  # only the query knows which of them it finds
    read = {topic for source in sources for topic in source.topics()}
    for topic in sorted(cluster.unasked - read):
        meant = [name for name in read if is_misspelled(topic, name)]
        if not meant:
            continue  # another test's, or there on purpose
        sent = sum(at.end - at.beginning for at in cluster.offsets(topic).values())
        yield Cause(
            f"No query reads topic {topic!r}, which did not exist until "
            f"{_records(sent)} {'was' if sent == 1 else 'were'} sent to it.",
            did_you_mean(topic, meant).lstrip(),
        )


def _began_late(cluster: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Records before the offsets where a query began, which it never reads.

    Its first batch shows that: it has no rows, although the topic had records.
    """
    for seen in queries:
        if not seen.history or seen.history[0]["batchId"] != 0:
            continue
        starting = {
            topic: source.starting
            for source in seen.sources()
            for topic in source.topics()
        }
        has_read = any(map(rows_in, seen.history))
        is_counted = "ForeachBatch" not in str(seen.history[0]["sink"]["description"])
        for entry in seen.history[0]["sources"]:
            if entry["numInputRows"]:
                continue
            for source in sources_of({"sources": [entry]}):
                for topic, offsets in source.reached.items():
                    option = starting.get(topic, "")
                    if option == "earliest" or not (option or is_counted):
                        continue  # if the function reads no rows, none are counted
                    before = _before(cluster, topic, offsets)
                    if not before:
                        continue
                    given = f" (startingOffsets={option})" if option else ""
                    is_not = "is not read" if before == 1 else "are not read"
                    start = "The" if has_read else "Nothing was processed: the"
                    yield Cause(
                        f"{start} query{seen.name} began at {_where(offsets)} of "
                        f"{topic!r}{given}, so {_records(before)} before it {is_not}.",
                        "Send after it is alive, or give startingOffsets=earliest.",
                    )


def _before(cluster: Cluster, topic: str, offsets: Mapping[int, int]) -> int:
    """How many records lie before the offsets.

    Transactions take up offsets too, so if there are few offsets, the records are read.
    """
    at = cluster.offsets(topic)
    starts = {
        partition: max(offset - FEW, at[partition].beginning)
        for partition, offset in offsets.items()
        if partition in at
    }
    spans = sum(max(0, offsets[number] - start) for number, start in starts.items())
    if not spans:
        return 0
    ends = {number: max(offsets[number], start) for number, start in starts.items()}
    request = ReadRequest(topic, starts, ends, upto="stable", stall_seconds=SECONDS)
    client = cluster.client()
    return len(read_records(client, request, Decoder(topic, "BINARY", "BINARY")))


def _where(offsets: Mapping[int, int]) -> str:
    if len(offsets) > 1:
        return "the end"
    return f"offset {next(iter(offsets.values()))}"


def _dropped(_: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Rows that came behind the watermark, one by one for the last batches."""
    for seen in queries:
        counts = [
            operators_sum(progress, "numRowsDroppedByWatermark")
            for progress in seen.history
        ]
        late = [place for place, count in enumerate(counts) if count]
        if not late:
            continue
        dropped = sum(counts)
        times: list[datetime] = []
        if len(late) <= READ_AGAIN:
            parts = seen.history[max(0, late[0] - 1) :]
            operators = LateRowsReader(
                seen.query, session_of(seen.query), parts
            ).late_rows()
            if not any(one.uncounted for one in operators):
                times = [time for one in operators for time in one.times]
                dropped = len(times)
        rows = "1 row was" if dropped == 1 else f"{dropped} rows were"
        before = seen.history[max(0, late[-1] - 1)]  # the one it is compared with
        yield Cause(
            f"{rows} dropped as late: the watermark{seen.of_it} was "
            f"{_watermark(before)}{_of_times(times)}.",
            "Send in time order, or give withWatermark a longer delay.",
        )


def _of_times(times: Sequence[datetime]) -> str:
    """The times, in order."""
    if not times:
        return ""
    whose = "its time" if len(times) == 1 else "their times"
    return f", {whose} {listed_times(sorted(times))}"


def _held(_: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Rows that are still in the state of a query with a watermark."""
    for seen in queries:
        if not seen.history or output_mode(seen.query) != "append":
            continue
        last = seen.history[-1]
        rows, watermark = operators_sum(last, "numRowsTotal", WINDOWS), _watermark(last)
        if rows and watermark:
            held = "1 row" if rows == 1 else f"{rows} rows"
            yield Cause(
                f"The state{seen.of_it} holds {held}, and the watermark is "
                f"{watermark}.",
                "In append mode a window comes out when a record later than its end "
                "plus the delay has moved the watermark.",
            )


def _unclocked(cluster: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Records that a query could not process because of a test's clock."""
    for seen in queries:
        state, position = QueryState(seen.query), Position()
        if not (state.is_active and state.is_clocked):
            continue
        done = "since its start"
        if seen.history and position.take(seen.history[-1]):
            ends = ends_of(cluster, state, position)
            if not position.is_behind(ends):
                continue
            done = "all that was sent"
        yield Cause(
            f"The query{seen.name} runs on the test's clock, which has not let it run "
            f"{done}{f': {seen.clock}' if seen.clock else ''}.",
            "Call next_batch() or advance() further.",
        )


def _unread(cluster: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Records that came after a query had ended."""
    for seen in queries:
        state, position = QueryState(seen.query), Position()
        if state.is_active or not (seen.history and position.take(seen.history[-1])):
            continue
        ends = ends_of(cluster, state, position)
        behind = sum(max(0, place.behind) for place in position.places(ends))
        if behind:
            yield Cause(
                f"The query{seen.name} has ended, and {_records(behind)} came later.",
                "Run it again: next_batch(), if it runs in steps, or start().",
            )


def _missing_topics(cluster: Cluster, queries: Sequence[_Seen]) -> Iterator[str]:
    """Topics of running queries that do not exist."""
    for seen in queries:
        try:
            check_topics(cluster, QueryState(seen.query))
        except UnknownTopicError as error:
            yield Cause(error.problem, error.advice)


FINDERS = (
    _unclocked,
    _unread,
    _missing_topics,
    _began_late,
    _dropped,
    _held,
    _strays,
)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


def _watermark(progress: Any) -> str:
    """The watermark for people, in UTC, or an empty string if there is none."""
    told = str((progress.get("eventTime") or {}).get("watermark", ""))
    return told.replace(".000Z", "Z")
