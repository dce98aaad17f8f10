"""What users get from a topic through either client: records, tables and marks."""

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
    """Options of `KafkaUtils.read_records`."""

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
    """Check a user's arguments, and make the request and the decoder from them.

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
    """Check that an argument is a mark.

    Raises:
        TypeError, ValueError: it is something else, or does not come from a topic.
    """
    if not isinstance(mark, Mark):
        raise TypeError(
            f"{name} must be the result of mark(topic), not {type(mark).__name__}"
        )
    _arguments.topic(f"{name}.topic", mark.topic)
    return replace(mark, offsets=_offsets(f"{name}.offsets", mark.offsets))


def _bound(name: str, bound: Bound | Mark, topic: str) -> Bound | Mark:
    if isinstance(bound, Mark):
        mark = check_mark(name, bound)
        if mark.topic != topic:
            raise ValueError(
                f"The mark belongs to topic {mark.topic!r}, not to {topic!r}, which is "
                "read"
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
                f"{name} must map partitions to offsets, both int, got "
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
    """The records of a read, as they arrive.

    The records of each partition come in the order of their offsets, and the partitions
    are mixed. The range is captured when the stream is made. Only a few batches are in
    memory at a time.

    Use it as a context manager if you do not read it to its end.

    Attributes:
        coverage: see `Records`, known at the end.
        new_partitions: see `Records`, known at the end.
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
        try:
            return next(self._records)
        except StopIteration:
            if self._is_at_end:
                raise
        raise ReadError(
            f"The stream of topic {self._topic!r} ended with an error before. Read it "
            "again."
        )

    @property
    def coverage(self) -> dict[int, Coverage]:
        return self._read.coverage

    @property
    def new_partitions(self) -> tuple[int, ...]:
        return self._read.new_partitions

    def close(self) -> None:
        """End the read, or do nothing if it is closed or at its end."""
        self._is_closed = not self._is_at_end
        self._read.close()

    def __enter__(self) -> RecordStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_table(client: Client, request: ReadRequest) -> tuple[pa.Table, Read]:
    """The records as a table of `read_schema()`, in order, and the read behind it."""
    import pyarrow as pa

    with client.read(request) as read:
        table = pa.Table.from_batches(list(read), read_schema())
    _note(client, request, read)
    return in_order(table), read


def _note(client: Client, request: ReadRequest, read: Read) -> None:
    """Tell a wait about this read, if one is in progress."""
    _reads.note(client, request, ends_of(read.coverage))


def read_records(client: Client, request: ReadRequest, decoder: Decoder) -> Records:
    """The records, in order."""
    table, read = read_table(client, request)
    return Records(decoder.records(table), read.coverage, read.new_partitions)


def read_arrow(client: Client, request: ReadRequest, decoder: Decoder) -> pa.Table:
    """The records as a table for users, with the coverage in its metadata.

    See `Decoder.table`.
    """
    table, read = read_table(client, request)
    covered = {number: asdict(part) for number, part in read.coverage.items()}
    metadata = {COVERAGE_KEY: json.dumps(covered)}
    return decoder.table(table).replace_schema_metadata(metadata)


def read_latest(
    client: Client, request: ReadRequest, decoder: Decoder
) -> dict[Any, Any]:
    """The latest value of each key, as in `Decoder.latest`."""
    return read_latest_and_ends(client, request, decoder)[0]


def read_latest_and_ends(
    client: Client, request: ReadRequest, decoder: Decoder
) -> tuple[dict[Any, Any], dict[int, int]]:
    """The same as `read_latest`, and the offset that each partition was read up to."""
    with client.read(request) as read:
        latest = decoder.latest(read)
    _note(client, request, read)
    return latest, ends_of(read.coverage)


def ends_of(coverage: Mapping[int, Coverage]) -> dict[int, int]:
    """The offset up to which each partition was read."""
    return {number: part.target for number, part in coverage.items()}


def mark(client: Client, topic: str) -> Mark:
    """A mark at the current end of the topic."""
    captured = client.capture(topic)
    ends = {number: at.end for number, at in captured.partitions.items()}
    return Mark(topic, ends, captured.topic_id)
