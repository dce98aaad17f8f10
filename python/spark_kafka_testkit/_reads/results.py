"""What users get of a topic: records, tables and marks, by whichever client."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, get_args

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
from spark_kafka_testkit._numbers import is_whole, to_int
from spark_kafka_testkit._reads import watched as _reads
from spark_kafka_testkit.errors import ReadError
from spark_kafka_testkit.serde import Deserializer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ReadOptions",
    "RecordStream",
    "mark",
    "read_arrow",
    "read_latest",
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
    _check_choice("isolation", isolation, get_args(Isolation))
    _check_choice("upto", upto, get_args(UpTo))
    if partitions is not None:
        partitions = _numbers(partitions)
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(
            f"timeout must be a number of seconds, not {type(timeout).__name__}"
        )
    if not 0 < timeout < math.inf:
        raise ValueError(f"timeout must be more than 0 s, and is {timeout:g}")
    for bound in (start, end):
        if isinstance(bound, Mark) and bound.topic != topic:
            raise ValueError(
                f"The mark is one of topic {bound.topic!r}, and {topic!r} is read"
            )
    request = ReadRequest(
        topic,
        _bound("start", start),
        _bound("end", end),
        partitions,
        isolation,
        upto,
        allow_deleted,
        timeout,
    )
    return request, Decoder(topic, key_deserializer, value_deserializer)


def _check_choice(name: str, item: object, valid: tuple[str, ...]) -> None:
    if item not in valid:
        raise ValueError(
            f"{name}={item!r} is not known; give one of {', '.join(valid)}"
        )


def _bound(name: str, bound: Bound | Mark) -> Bound | Mark:
    if isinstance(bound, Mark):
        return bound
    if isinstance(bound, Mapping):
        for number, offset in bound.items():
            if not (is_whole(number) and is_whole(offset)):
                raise TypeError(
                    f"{name} must map partitions to offsets, both int, and has "
                    f"{number!r}: {offset!r}"
                )
        return {to_int(number): to_int(offset) for number, offset in bound.items()}
    if isinstance(bound, str) and bound in ("earliest", "latest"):
        return bound
    if isinstance(bound, datetime) or is_whole(bound):
        millis = to_millis(to_int(bound))
        assert isinstance(millis, int)
        if millis < 0:  # to Kafka, negative times are names: -1 is the end
            raise ValueError(f"{name} is a time before 1970: {bound}")
        return millis
    raise TypeError(
        f"{name} must be 'earliest', 'latest', a time (a datetime, or milliseconds "
        f"since the epoch), or a dict of offsets by partition, not {bound!r}"
    )


def _numbers(partitions: object) -> list[int]:
    numbers = partitions if isinstance(partitions, Iterable) else [partitions]
    if numbers is not partitions or not all(map(is_whole, numbers)):
        raise TypeError(f"partitions must be a list of numbers, not {partitions!r}")
    return sorted(set(map(to_int, numbers)))


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
    targets = {number: part.target for number, part in read.coverage.items()}
    _reads.note(client, request, targets)


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
    with client.read(request) as read:
        latest = decoder.latest(read)
    _note(client, request, read)
    return latest


def mark(client: Client, topic: str) -> Mark:
    """Where the topic ends now."""
    captured = client.capture(topic)
    ends = {number: at.end for number, at in captured.partitions.items()}
    return Mark(topic, ends, captured.topic_id)
