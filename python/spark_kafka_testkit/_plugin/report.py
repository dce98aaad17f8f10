"""The part of a failing test's report that is about Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._plugin.broker_log import warnings_since
from spark_kafka_testkit._queries.batch import watermark_of
from spark_kafka_testkit._queries.state import QueryState, describe_batch
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._text import readable
from spark_kafka_testkit._waits.causes import causes

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["section"]

SECONDS = 10.0
TOPICS = 10
PARTITIONS = 20
RECORDS = 5
LOG_LINES = 10
LOOKED_AT = 1000
CHARACTERS = 160


def section(
    topics: Mapping[Cluster, Sequence[str]],
    queries: Sequence[StreamingQuery],
    began: datetime,
) -> str:
    """The section of the report of a test that failed.

    For each broker it has the topics with their offsets and last records, and the
    warnings in its log. It also has the queries, with what may be wrong with them.
    Questions to the broker or Spark may take `SECONDS`, since these may be what has
    failed.

    Args:
        topics: the topics that the test has used, by cluster.
        queries: its queries.
        began: when the test began.
    """
    lines: list[str] = []
    for cluster, names in topics.items():
        log = list(_log(cluster, began))
        lines.append(cluster.broker.describe())
        lines += _in_time(partial(_topics, cluster, names))
        lines += log
    lines += _in_time(partial(_queries, list(topics), queries))
    return "\n".join(lines)


def _in_time(parts: Callable[[], Iterator[str]]) -> list[str]:
    lines: list[str] = []

    def collect() -> None:
        try:
            lines.extend(parts())
        except Exception as error:  # noqa: BLE001  the test's own failure is what matters
            lines.append(f"  (no more: {type(error).__name__}: {_cut(error)})")

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        return [*lines, f"  (no more came within {SECONDS:g} s)"]
    return lines


def _topics(cluster: Cluster, names: Sequence[str]) -> Iterator[str]:
    existing = cluster.internal_or_not()  # each that is not there would be waited for
    for name in names[:TOPICS]:
        try:
            if name not in existing:
                raise LookupError(name)
            yield from _topic(cluster, name)
        except LookupError:  # or it has gone meanwhile
            yield f"topic {name!r} does not exist"
    if len(names) > TOPICS:
        yield f"and {len(names) - TOPICS} more topics"


def _topic(cluster: Cluster, name: str) -> Iterator[str]:
    client = cluster.client()
    offsets = client.capture(name).partitions
    shown = ", ".join(
        f"partition {number}: {offsets[number].beginning} to {offsets[number].end}"
        for number in sorted(offsets)[:PARTITIONS]
    )
    more = ", ..." if len(offsets) > PARTITIONS else ""
    yield f"topic {name!r}, offsets: {shown}{more}"
    starts = {
        number: max(at.beginning, at.end - RECORDS) for number, at in offsets.items()
    }
    request = ReadRequest(
        name,
        starts,
        isolation="read_uncommitted",  # must not wait for an open transaction
        stall_seconds=SECONDS,
    )
    last = read_records(client, request, Decoder(name, readable, readable))
    for record in _latest(last):
        yield f"  {_cut(_told(record))}"


def _latest(records: Sequence[Record]) -> list[Record]:
    """The last records by time, with those of a partition in their order."""
    kept = sorted(records, key=_by_time)[-RECORDS:]
    return sorted(kept, key=lambda record: (record.partition or 0, record.offset or 0))


def _by_time(record: Record) -> tuple[int, int, int]:
    return record.timestamp or 0, record.partition or 0, record.offset or 0


def _told(record: Record) -> str:
    place = f"partition {record.partition}, offset {record.offset}"
    headers = f", headers {dict(record.headers)!r}" if record.headers else ""
    return f"{place}, {_time(record)}: {record.key!r} -> {record.value!r}{headers}"


def _time(record: Record) -> str:
    try:
        moment = record.datetime
    except ValueError:  # outside of the years that Python knows
        moment = None
    if moment is None:
        return f"at {record.timestamp}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _queries(
    clusters: Sequence[Cluster], queries: Sequence[StreamingQuery]
) -> Iterator[str]:
    for state in map(QueryState, queries):
        cause = state.cause_of_death
        if cause is not None:
            yield f"query {state.name} died of: {_cut(cause)}"
        else:
            yield f"query {state.name}: {state.message}"
        yield from _progress(state)
        for cluster in clusters:
            yield from (f"  {fact}" for fact in causes(cluster, [state.query]))


def _progress(state: QueryState) -> Iterator[str]:
    progress = state.progress
    if progress is None:
        yield "  no progress yet"
        return
    yield f"  last progress: {describe_batch(progress)}"
    for source in progress["sources"]:
        start, end = source["startOffset"], _cut(source["endOffset"])
        has_begun = start not in (None, "null")
        span = f"from {_cut(start)} up to {end}" if has_begun else f"up to {end}"
        yield f"  {_cut(source['description'])} {span}"
    if watermark := watermark_of(progress):
        yield f"  watermark: {watermark:%Y-%m-%dT%H:%M:%SZ}"
    for operator in progress["stateOperators"]:
        rows, name = operator["numRowsTotal"], operator["operatorName"]
        yield f"  state of {name}: {rows} row{'' if rows == 1 else 's'}"


def _log(cluster: Cluster, began: datetime) -> Iterator[str]:
    """The end of the log if the broker has ended, otherwise only its warnings."""
    try:
        lines = cluster.broker.log_tail(LOOKED_AT).splitlines()
        has_ended = cluster.broker.ended
    except Exception as error:  # noqa: BLE001  as above
        yield f"the broker's log can't be read: {_cut(error)}"
        return
    if has_ended:
        told = "the end of the broker's log:"
    else:
        set_up = datetime.fromtimestamp(cluster.since, timezone.utc)
        lines = warnings_since(lines, max(began, set_up))
        told = "in the broker's log since the test began:"
    if lines:
        yield told
        yield from (f"  {_cut(line)}" for line in lines[-LOG_LINES:])


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 3]}..."
