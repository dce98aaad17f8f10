"""What users get of a topic: records, tables and marks, by whichever client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder, in_order
from spark_kafka_testkit._arrow.schema import read_schema
from spark_kafka_testkit._clients.protocol import Client, Read
from spark_kafka_testkit._model.offsets import (
    Bound,
    Coverage,
    Isolation,
    Mark,
    ReadRequest,
    UpTo,
    to_millis,
)
from spark_kafka_testkit._model.records import Record, Records
from spark_kafka_testkit._reads import watched as _reads
from spark_kafka_testkit._text import shown
from spark_kafka_testkit.errors import ReadError
from spark_kafka_testkit.serde import Deserializer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ReadOptions",
    "RecordStream",
    "check_mark",
    "ends_of",
    "mark",
    "read_arrow",
    "read_latest",
    "read_latest_and_ends",
    "read_records",
    "read_request",
    "read_table",
]

COVERAGE_KEY = "spark_kafka_testkit.coverage"


class ReadOptions(TypedDict, total=False):
    """The options of `KafkaUtils.read_records`, which see."""

    partitions: Sequence[int] | None
    isolation: Isolation
    upto: UpTo
    allow_deleted: bool
    key_deserializer: Deserializer
    value_deserializer: Deserializer
    timeout: float


def read_request(
    topic: str,
    start: Bound | Mark,
    end: Bound | Mark,
    *,
    partitions: Sequence[int] | None = None,
    isolation: Isolation = "read_committed",
    upto: UpTo = "end",
    allow_deleted: bool = False,
    key_deserializer: Deserializer = "STRING",
    value_deserializer: Deserializer = "STRING",
    timeout: float = 60.0,
) -> tuple[ReadRequest, Decoder]:
    """What a user's arguments ask for, checked.

    Raises:
        TypeError, ValueError: an argument that can't be used.
    """
    request = ReadRequest(
        _arguments.topic("topic", topic),
        _bound("start", start, topic),
        _bound("end", end, topic),
        None if partitions is None else _numbers(partitions),
        _arguments.choice("isolation", isolation, get_args(Isolation)),
        _arguments.choice("upto", upto, get_args(UpTo)),
        _arguments.flag("allow_deleted", allow_deleted),
        _arguments.seconds("timeout", timeout, positive=True),
    )
    return request, Decoder(topic, key_deserializer, value_deserializer)


def check_mark(name: str, mark: object) -> Mark:
    """A mark, as an argument.

    Raises:
        TypeError, ValueError: it is something else, or one that no topic has given.
    """
    if not isinstance(mark, Mark):
        raise TypeError(
            f"{name} must be what mark(topic) gave, not {type(mark).__name__}"
        )
    _arguments.topic(f"{name}.topic", mark.topic)
    return replace(mark, offsets=_offsets(f"{name}.offsets", mark.offsets))


def _bound(name: str, bound: Bound | Mark, topic: str) -> Bound | Mark:
    if isinstance(bound, Mark):
        mark = check_mark(name, bound)
        if mark.topic != topic:
            raise ValueError(
                f"The mark is one of topic {mark.topic!r}, and {topic!r} is read"
            )
        return mark
    if isinstance(bound, Mapping):
        return _offsets(name, bound)
    if isinstance(bound, str) and bound in ("earliest", "latest"):
        return bound
    if isinstance(bound, datetime) or _arguments.is_whole(bound):
        return to_millis(name, bound)
    raise TypeError(
        f"{name} must be 'earliest', 'latest', a time (a datetime, or milliseconds "
        f"since the epoch), or a dict of offsets by partition, not {shown(bound)}"
    )


def _offsets(name: str, offsets: object) -> dict[int, int]:
    if not isinstance(offsets, Mapping):
        raise TypeError(
            f"{name} must map partitions to offsets, not {type(offsets).__name__}"
        )
    for number, offset in offsets.items():
        if not (_arguments.is_whole(number) and _arguments.is_whole(offset)):
            raise TypeError(
                f"{name} must map partitions to offsets, both int, and has "
                f"{shown(number)}: {shown(offset)}"
            )
    return {
        _arguments.to_int(number): _arguments.to_int(offset)
        for number, offset in offsets.items()
    }


def _numbers(partitions: object) -> list[int]:
    numbers = list(partitions) if isinstance(partitions, Iterable) else None
    if numbers is None or not all(map(_arguments.is_whole, numbers)):
        raise TypeError(
            f"partitions must be a list of numbers, not {shown(partitions)}"
        )
    return sorted(set(map(_arguments.to_int, numbers)))


class RecordStream(Iterator[Record]):
    """The records of a read, as they come: per partition in the order of offsets, the
    partitions mixed. The range is captured when it is made; only a few batches are in
    memory at a time.

    It is a context manager, for one that is not drawn to its end.

    Attributes:
        coverage: see `Records`; known at the end.
        new_partitions: see `Records`; known at the end.
    """

    def __init__(self, read: Read, decoder: Decoder) -> None:
        self._read, self._topic = read, decoder.topic
        self._records = self._draw(decoder)
        self._is_at_end = self._is_closed = False

    def _draw(self, decoder: Decoder) -> Iterator[Record]:
        with self._read:
            for batch in self._read:
                yield from decoder.records(batch)
        self._is_at_end = True

    def __next__(self) -> Record:
        if self._is_closed:
            raise ReadError(
                f"The stream of topic {self._topic!r} was closed before its end."
            )
        return next(self._records)

    @property
    def coverage(self) -> dict[int, Coverage]:
        return self._read.coverage

    @property
    def new_partitions(self) -> tuple[int, ...]:
        return self._read.new_partitions

    def close(self) -> None:
        """Ends the read. A second call does nothing, nor does one at the end."""
        self._is_closed = not self._is_at_end
        self._read.close()

    def __enter__(self) -> RecordStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_table(client: Client, request: ReadRequest) -> tuple[pa.Table, Read]:
    """What is wanted as a table of `read_schema()`, in order, and the read that gave
    it.
    """
    import pyarrow as pa

    with client.read(request) as read:
        table = pa.Table.from_batches(list(read), read_schema())
    _note(client, request, read)
    return in_order(table), read


def _note(client: Client, request: ReadRequest, read: Read) -> None:
    """Has a wait know of it, if one is going on."""
    _reads.note(client, request, ends_of(read.coverage))


def read_records(client: Client, request: ReadRequest, decoder: Decoder) -> Records:
    """What is wanted as records, in order."""
    table, read = read_table(client, request)
    return Records(decoder.records(table), read.coverage, read.new_partitions)


def read_arrow(client: Client, request: ReadRequest, decoder: Decoder) -> pa.Table:
    """What is wanted as a table for users; see `Decoder.table`. The coverage is in its
    metadata.
    """
    table, read = read_table(client, request)
    covered = {number: asdict(part) for number, part in read.coverage.items()}
    metadata = {COVERAGE_KEY: json.dumps(covered)}
    return decoder.table(table).replace_schema_metadata(metadata)


def read_latest(
    client: Client, request: ReadRequest, decoder: Decoder
) -> dict[Any, Any]:
    """The latest value of each key; see `Decoder.latest`."""
    return read_latest_and_ends(client, request, decoder)[0]


def read_latest_and_ends(
    client: Client, request: ReadRequest, decoder: Decoder
) -> tuple[dict[Any, Any], dict[int, int]]:
    """The same, and per partition the offset up to which it was read."""
    with client.read(request) as read:
        latest = decoder.latest(read)
    _note(client, request, read)
    return latest, ends_of(read.coverage)


def ends_of(coverage: Mapping[int, Coverage]) -> dict[int, int]:
    """Per partition the offset up to which it was read."""
    return {number: part.target for number, part in coverage.items()}


def mark(client: Client, topic: str) -> Mark:
    """Where the topic ends now."""
    captured = client.capture(topic)
    ends = {number: at.end for number, at in captured.partitions.items()}
    return Mark(topic, ends, captured.topic_id)
