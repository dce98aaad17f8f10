"""The wait for records, woken by the broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._difference import named, shorten
from spark_kafka_testkit._times import check_times
from spark_kafka_testkit.clients import Client
from spark_kafka_testkit.errors import WaitError
from spark_kafka_testkit.offsets import ReadQuery
from spark_kafka_testkit.reading import Decoding, read_records
from spark_kafka_testkit.records import Record, to_records
from spark_kafka_testkit.streaming._query import (
    check_query,
    describe,
    raise_if_dead,
)

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["Wanted", "wait_for_records"]

LAST_LOOK_SECONDS = 10.0


@dataclass(frozen=True)
class Wanted:
    """Which records are waited for, and how many; `None` asks for nothing."""

    count: int
    predicate: Callable[[Record], Any] | None = None
    key: Any = None
    value: Any = None
    headers: Mapping[str, bytes | None] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int):
            raise TypeError(
                f"count must be a number of records, not {type(self.count).__name__}"
            )
        if self.count < 1:
            raise ValueError(f"count must be at least 1, and is {self.count}")
        if self.predicate is not None and not callable(self.predicate):
            raise TypeError(
                "predicate must be a function that takes a Record, not "
                f"{type(self.predicate).__name__}"
            )
        if self.headers is not None and not isinstance(self.headers, Mapping):
            raise TypeError(
                "headers must be a dict from name to bytes, not "
                f"{type(self.headers).__name__}"
            )

    def matches(self, record: Record) -> bool:
        return (
            (self.key is None or record.key == self.key)
            and (self.value is None or record.value == self.value)
            and all(item in record.headers for item in (self.headers or {}).items())
            and (self.predicate is None or bool(self.predicate(record)))
        )

    def __str__(self) -> str:
        asked = {"key": self.key, "value": self.value, "headers": self.headers}
        parts = [
            f"{name}={shorten(item)}"
            for name, item in asked.items()
            if item is not None
        ]
        if self.predicate is not None:
            parts.append(f"{named(self.predicate)} is true")
        wanted = f"{self.count} record{'' if self.count == 1 else 's'}"
        return f"{wanted} with {', '.join(parts)}" if parts else wanted


def wait_for_records(
    client: Client,
    query: ReadQuery,
    decoding: Decoding,
    wanted: Wanted,
    timeout: float,
    streaming_query: StreamingQuery | None,
) -> list[Record]:
    """See `KafkaUtils.wait_for_records`."""
    check_times(timeout=timeout)
    if streaming_query is not None:
        check_query(streaming_query)
    deadline = _clock.monotonic() + timeout
    found: list[Record] = []
    has_ended = False
    with closing(client.follow(query)) as batches:
        for batch in batches:
            records = to_records(batch, query.topic, decoding.key, decoding.value)
            found += filter(wanted.matches, records)
            if len(found) >= wanted.count:
                return found[: wanted.count]
            has_ended = streaming_query is not None and not streaming_query.isActive
            if has_ended or _clock.monotonic() >= deadline:
                break
    # An exact read: what came at the last moment counts, however slow the start was.
    last_look = replace(query, upto="stable", stall_seconds=LAST_LOOK_SECONDS)
    records = read_records(client, last_look, decoding)
    found = list(filter(wanted.matches, records))
    if len(found) >= wanted.count:
        return found[: wanted.count]
    if streaming_query is not None:
        raise_if_dead(streaming_query)
    when = "when its query had ended" if has_ended else f"within {timeout:g} s"
    lines = [
        f"Topic {query.topic!r} did not have the records {when}.",
        f"  wanted: {wanted}",
        f"  found:  {len(found)}, among {len(records)} looked at",
        *(f"  last looked at: {shorten(record)}" for record in records[-1:]),
        *_where_it_ends(client, query),
        *([describe(streaming_query)] if streaming_query is not None else []),
    ]
    raise WaitError("\n".join(lines))


def _where_it_ends(client: Client, query: ReadQuery) -> list[str]:
    partitions = client.capture(query.topic).partitions
    ends = ", ".join(f"{at.end} (partition {n})" for n, at in partitions.items())
    return [
        f"  topic {query.topic!r} ends at {ends}",
        *(
            f"  partition {number}: a transaction is open since offset {at.stable}"
            for number, at in partitions.items()
            if at.stable < at.end
        ),
    ]
