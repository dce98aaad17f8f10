"""Why queries have not written what a test expects, as far as facts tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.plans import output_mode
from spark_kafka_testkit._queries.planned import planned_sources_of_query
from spark_kafka_testkit._queries.position import Source, sources_of
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._text import did_you_mean

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["causes"]

ALIKE = 0.8


def causes(cluster: Cluster, queries: Sequence[StreamingQuery]) -> list[str]:
    """A sentence or two for each fact that may be why, with what to do.

    Args:
        cluster: where the topics are.
        queries: those that may write what is expected.
    """
    found: list[str] = []
    for of_queries in (_of_each, _strays):
        try:
            found += of_queries(cluster, queries)
        except Exception:  # noqa: BLE001  the failure itself is what must be told
            pass
    return list(dict.fromkeys(found))


def _strays(cluster: Cluster, queries: Sequence[StreamingQuery]) -> Iterator[str]:
    """What was sent to topics that did not exist, and that no query reads."""
    read = {
        topic
        for query in queries
        for source in planned_sources_of_query(query) or _seen_sources(query)
        for topic in source.topics()
    }
    for topic in sorted(cluster.unasked - read):
        meant = [name for name in read if _is_misspelled(topic, name)]
        if not meant:
            continue  # another test's, or meant to be there
        sent = sum(at.end - at.beginning for at in cluster.offsets(topic).values())
        yield (
            f"No query reads topic {topic!r}, which did not exist until "
            f"{_records(sent)} {'was' if sent == 1 else 'were'} sent to it."
            f"{did_you_mean(topic, meant)}"
        )


def _is_misspelled(topic: str, name: str) -> bool:
    """Whether one may be the other by mistake: names that differ in their numbers are
    a series.
    """
    return SequenceMatcher(None, topic, name).ratio() >= ALIKE and re.sub(
        r"\d", "", topic
    ) != re.sub(r"\d", "", name)


def _seen_sources(query: StreamingQuery) -> list[Source]:
    progress = query.lastProgress
    return [] if progress is None else sources_of(progress)


def _of_each(cluster: Cluster, queries: Sequence[StreamingQuery]) -> Iterator[str]:
    for query in queries:
        history: list[Any] = list(query.recentProgress)
        name = "" if len(queries) == 1 else f" {QueryState(query).name}"
        yield from _began_late(cluster, query, history, name)
        yield from _dropped(history, name)
        if output_mode(query) in ("append", None):
            yield from _held(history, name)


def _began_late(
    cluster: Cluster, query: StreamingQuery, history: list[Any], name: str
) -> Iterator[str]:
    """Records before the offsets where a query began, which it never reads.

    Its first batch tells: it has no rows, though the topic had records.
    """
    if not history or history[0]["batchId"] != 0:
        return
    starting = {
        topic: source.starting
        for source in planned_sources_of_query(query)
        for topic in source.topics()
    }
    has_read = any(_rows(progress) for progress in history)
    for entry in history[0]["sources"]:
        if entry["numInputRows"]:
            continue
        for source in sources_of({"sources": [entry]}):
            for topic, offsets in source.reached.items():
                at = cluster.offsets(topic)
                before = sum(
                    max(0, offset - at[partition].beginning)
                    for partition, offset in offsets.items()
                    if partition in at
                )
                if not before:
                    continue
                where = (
                    f"offset {next(iter(offsets.values()))}"
                    if len(offsets) == 1
                    else "the end"
                )
                option = starting.get(topic)
                given = f" (startingOffsets={option})" if option else ""
                not_read = "is not read" if before == 1 else "are not read"
                yield (
                    f"{'' if has_read else 'Nothing was processed: '}"
                    f"{'The' if has_read else 'the'} query{name} began at {where} of "
                    f"{topic!r}{given}; {_records(before)} before it {not_read}. Send "
                    "after it is alive, or give startingOffsets=earliest."
                )


def _dropped(history: list[Any], name: str) -> Iterator[str]:
    """Rows that came behind the watermark."""
    dropped, watermark = 0, ""
    for progress in history:
        late = sum(
            operator.get("numRowsDroppedByWatermark") or 0
            for operator in map(_fields, progress["stateOperators"])
        )
        if late:
            dropped, watermark = dropped + late, _watermark(progress)
    if dropped:
        rows = "1 row was" if dropped == 1 else f"{dropped} rows were"
        of = f" of query{name}" if name else ""
        yield (
            f"{rows} dropped as late: the watermark{of} was {watermark}. Send in the "
            "order of time, or give withWatermark a longer delay."
        )


def _held(history: list[Any], name: str) -> Iterator[str]:
    """Rows that are still in the state of a query with a watermark."""
    if not history or not _watermark(history[-1]):
        return
    rows = sum(
        operator.get("numRowsTotal") or 0
        for operator in map(_fields, history[-1]["stateOperators"])
    )
    if rows:
        held = "1 row" if rows == 1 else f"{rows} rows"
        of = f" of query{name}" if name else ""
        yield (
            f"The state{of} holds {held}; the watermark is {_watermark(history[-1])}. "
            "In append mode a window comes out when a record that is later than its "
            "end and the delay has moved the watermark."
        )


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


def _rows(progress: Any) -> int:
    return sum(source["numInputRows"] or 0 for source in progress["sources"])


def _watermark(progress: Any) -> str:
    """As it is for people, UTC; empty where there is none."""
    told = str((progress["eventTime"] or {}).get("watermark", ""))
    return told.replace(".000Z", "Z")


def _fields(part: Any) -> dict[str, Any]:
    """A part of a progress as a dict: PySpark's classes have been ones since 4.0."""
    return dict(part)
