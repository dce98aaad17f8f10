"""What users get of a topic: records, tables and marks, by whichever client."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from spark_kafka_testkit import _reads
from spark_kafka_testkit._numbers import is_whole, to_int
from spark_kafka_testkit.clients import Client, Read
from spark_kafka_testkit.errors import ReadError
from spark_kafka_testkit.offsets import (
    Bound,
    Coverage,
    Isolation,
    Mark,
    ReadQuery,
    UpTo,
    to_millis,
)
from spark_kafka_testkit.records import (
    Record,
    Records,
    in_order,
    latest_by_key,
    read_schema,
    to_records,
    to_table,
)
from spark_kafka_testkit.serde import Deserializer, deserializer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Decoding",
    "ReadOptions",
    "RecordStream",
    "mark",
    "read_arrow",
    "read_latest",
    "read_records",
    "read_table",
    "wanted",
]

COVERAGE_KEY = "spark_kafka_testkit.coverage"


class Decoding:
    """How keys and values are decoded.

    Raises:
        TypeError, ValueError: neither a known name nor a callable.
    """

    def __init__(self, key: Deserializer, value: Deserializer) -> None:
        deserializer(key, "key")
        deserializer(value, "value")
        self.key, self.value = key, value


class ReadOptions(TypedDict, total=False):
    """The options of `KafkaUtils.read_records`, which see."""

    partitions: Sequence[int] | None
    isolation: Isolation
    upto: UpTo
    allow_deleted: bool
    key_deserializer: Deserializer
    value_deserializer: Deserializer
    timeout: float


def wanted(
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
) -> tuple[ReadQuery, Decoding]:
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
    query = ReadQuery(
        topic,
        _bound("start", start),
        _bound("end", end),
        partitions,
        isolation,
        upto,
        allow_deleted,
        timeout,
    )
    return query, Decoding(key_deserializer, value_deserializer)


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

    def __init__(self, read: Read, topic: str, decoding: Decoding) -> None:
        self._read, self._topic = read, topic
        self._records = self._draw(topic, decoding)
        self._is_at_end = self._is_closed = False

    def _draw(self, topic: str, decoding: Decoding) -> Iterator[Record]:
        with self._read:
            for batch in self._read:
                yield from to_records(batch, topic, decoding.key, decoding.value)
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


def read_table(client: Client, query: ReadQuery) -> tuple[pa.Table, Read]:
    """What is wanted as a table of `records.read_schema()`, in order, and the read that
    it comes from.
    """
    import pyarrow as pa

    with client.read(query) as read:
        table = pa.Table.from_batches(list(read), read_schema())
    _note(client, query, read)
    return in_order(table), read


def _note(client: Client, query: ReadQuery, read: Read) -> None:
    """Has a wait know of it, if one is going on."""
    targets = {number: part.target for number, part in read.coverage.items()}
    _reads.note(client, query, targets)


def read_records(client: Client, query: ReadQuery, decoding: Decoding) -> Records:
    """What is wanted as records, in order."""
    table, read = read_table(client, query)
    found = to_records(table, query.topic, decoding.key, decoding.value)
    return Records(found, read.coverage, read.new_partitions)


def read_arrow(client: Client, query: ReadQuery, decoding: Decoding) -> pa.Table:
    """What is wanted as a table for users; see `records.to_table`. The coverage is in
    its metadata.
    """
    table, read = read_table(client, query)
    found = to_table(table, query.topic, decoding.key, decoding.value)
    covered = {number: asdict(part) for number, part in read.coverage.items()}
    return found.replace_schema_metadata({COVERAGE_KEY: json.dumps(covered)})


def read_latest(client: Client, query: ReadQuery, decoding: Decoding) -> dict[Any, Any]:
    """The latest value of each key; see `records.latest_by_key`."""
    with client.read(query) as read:
        found = latest_by_key(read, query.topic, decoding.key, decoding.value)
    _note(client, query, read)
    return found


def mark(client: Client, topic: str) -> Mark:
    """Where the topic ends now."""
    captured = client.capture(topic)
    ends = {number: at.end for number, at in captured.partitions.items()}
    return Mark(topic, ends, captured.topic_id)
