"""What a failing test's report says of Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._queries.state import QueryState, describe_batch
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._text import readable

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["section"]

SECONDS = 10.0
TOPICS = 10
PARTITIONS = 20
RECORDS = 5
LOG_LINES = 10
CHARACTERS = 160


def section(
    topics: Mapping[Cluster, Sequence[str]], queries: Sequence[StreamingQuery]
) -> str:
    """The section of the report of a test that failed.

    It has of each broker the topics with offsets and last records and the end of its
    log, and the queries. What the broker or Spark must be asked for has `SECONDS`: it
    may be what has failed.
    """
    lines: list[str] = []
    for cluster, names in topics.items():
        log = list(_log(cluster))
        lines.append(cluster.broker.describe())
        lines += _in_time(partial(_topics, cluster, names))
        lines += log
    lines += _in_time(partial(_queries, queries))
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
    for name in names[:TOPICS]:
        try:
            yield from _topic(cluster, name)
        except LookupError:
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
        isolation="read_uncommitted",  # it must not wait for an open transaction
        stall_seconds=SECONDS,
    )
    last = read_records(client, request, Decoder(name, readable, readable))
    for record in sorted(last, key=_by_time)[-RECORDS:]:
        yield f"  {_cut(record._replace(topic=None, timestamp_type=None))}"


def _by_time(record: Record) -> tuple[int, int, int]:
    return record.timestamp or 0, record.partition or 0, record.offset or 0


def _queries(queries: Sequence[StreamingQuery]) -> Iterator[str]:
    for state in map(QueryState, queries):
        cause = state.cause_of_death
        if cause is not None:
            yield f"query {state.name} died of: {_cut(cause)}"
        else:
            yield f"query {state.name}: {state.message}"
        progress = state.progress
        if progress is None:
            yield "  no progress yet"
            continue
        yield f"  last progress: {describe_batch(progress)}"
        for source in progress["sources"]:
            yield f"  {_cut(source['description'])} up to {_cut(source['endOffset'])}"


def _log(cluster: Cluster) -> Iterator[str]:
    try:
        lines = cluster.broker.log_tail().splitlines()[-LOG_LINES:]
    except Exception as error:  # noqa: BLE001  as above
        lines = [f"(it can't be had: {_cut(error)})"]
    if lines:
        yield "the end of the broker's log:"
        yield from (f"  {_cut(line)}" for line in lines)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 3]}..."
