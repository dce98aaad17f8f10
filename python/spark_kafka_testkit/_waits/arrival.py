"""Waits for records. The broker wakes the wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._clients.protocol import Client
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.difference import named, shorten
from spark_kafka_testkit._waits.equality import equal
from spark_kafka_testkit.errors import WaitError
from spark_kafka_testkit.serde import encode

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["RecordMatcher", "wait_for_records"]

LAST_LOOK_SECONDS = 10.0


@dataclass(frozen=True)
class RecordMatcher:
    """Which records to wait for, and how many. `None` means no condition."""

    count: int
    predicate: Callable[[Record], Any] | None = None
    key: Any = None
    value: Any = None
    headers: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _arguments.whole("count", self.count, 1)
        if self.predicate is not None and not callable(self.predicate):
            raise TypeError(
                "predicate must be a function that takes a Record, not "
                f"{type(self.predicate).__name__}"
            )
        if self.headers is not None and not isinstance(self.headers, Mapping):
            raise TypeError(
                "headers must be a dict from name to value, not "
                f"{type(self.headers).__name__}"
            )
        for name, data in (self.headers or {}).items():
            if not isinstance(name, str):
                raise TypeError(
                    f"headers must be a dict from name to value, got {shown(name)}: "
                    f"{shown(data)}"
                )

    def matches(self, record: Record) -> bool:
        return (
            (self.key is None or equal(record.key, self.key))
            and (self.value is None or equal(record.value, self.value))
            and all(
                any(equal(header, (name, encoded)) for header in record.headers)
                for name, encoded in self._headers()
            )
            and (self.predicate is None or bool(self.predicate(record)))
        )

    def _headers(self) -> list[tuple[str, Any]]:
        """The headers in the form that records have.

        Text and numbers are bytes there. Matchers stay as they are.
        """
        return [
            (name, encode(data) if isinstance(data, (str, int, float)) else data)
            for name, data in (self.headers or {}).items()
        ]

    def __str__(self) -> str:
        asked = {"key": self.key, "value": self.value, "headers": self.headers}
        parts = [
            f"{name}={shorten(value)}"
            for name, value in asked.items()
            if value is not None
        ]
        if self.predicate is not None:
            parts.append(f"{named(self.predicate)} is true")
        wanted = f"{self.count} record{'' if self.count == 1 else 's'}"
        return f"{wanted} with {', '.join(parts)}" if parts else wanted


def wait_for_records(
    client: Client,
    request: ReadRequest,
    decoder: Decoder,
    matcher: RecordMatcher,
    timeout: float,
    streaming_query: StreamingQuery | None,
    *,
    explain: Callable[[], Sequence[str]],
) -> list[Record]:
    """See `KafkaUtils.wait_for_records`.

    Args:
        explain: a function that returns sentences about why they have not come.
    """
    state = None if streaming_query is None else QueryState(streaming_query)
    deadline = _clock.monotonic() + timeout
    matched: list[Record] = []
    has_ended = False
    with closing(client.follow(request)) as batches:
        for batch in batches:
            records = decoder.records(batch)
            matched += [record for record in records if matcher.matches(record)]
            if len(matched) >= matcher.count:
                return matched[: matcher.count]
            has_ended = state is not None and not state.is_active
            if has_ended or _clock.monotonic() >= deadline:
                break
    # An exact read: what came at the last moment counts, even if the start was slow.
    last_look = replace(request, upto="stable", stall_seconds=LAST_LOOK_SECONDS)
    records = read_records(client, last_look, decoder)
    matched = [record for record in records if matcher.matches(record)]
    if len(matched) >= matcher.count:
        return matched[: matcher.count]
    if state is not None:
        state.raise_if_dead()
    when = "when its query had ended" if has_ended else f"after {timeout:g} s"
    why = explain()
    looked_at = "1 record" if len(records) == 1 else f"{len(records)} records"
    last = "".join(f", the last: {shorten(record)}" for record in records[-1:])
    lines = [
        f"Found {len(matched)} of {matcher} in topic {request.topic!r} {when}",
        *why,
        f"  looked at {looked_at}{last}",
        *_where_it_ends(client, request),
        *([state.describe()] if state is not None else []),
    ]
    raise WaitError(
        "\n".join(lines),
        expected=matcher,
        last=records,
        query=streaming_query,
        causes=why,
    )


def _where_it_ends(client: Client, request: ReadRequest) -> list[str]:
    partitions = client.capture(request.topic).partitions
    ends = ", ".join(f"{at.end} (partition {n})" for n, at in partitions.items())
    return [
        f"  topic {request.topic!r} ends at {ends}",
        *(
            f"  partition {number}: a transaction is open since offset {at.stable}"
            for number, at in partitions.items()
            if at.stable < at.end
        ),
    ]
