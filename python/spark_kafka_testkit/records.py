"""Records: what a read gives, and its Arrow form, which both clients share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_kafka_testkit.errors import DeserializationError
from spark_kafka_testkit.offsets import EPOCH, Coverage
from spark_kafka_testkit.serde import (
    ARROW_TYPES,
    DESERIALIZERS,
    Deserializer,
    decode_column,
    deserializer,
    undecodable,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Record",
    "Records",
    "in_order",
    "latest_by_key",
    "read_schema",
    "to_records",
    "to_table",
]

NO_TIMESTAMP = -1
TIMESTAMP_TYPES = {-1: None, 0: "CreateTime", 1: "LogAppendTime"}


class Record(NamedTuple):
    """A record of a topic: one that was read, or one to send.

    To send, a key and a value are enough: `Record("k", "v", timestamp=1000)`.
    Partition, timestamp and headers are obeyed; topic, offset and timestamp_type, which
    only the broker gives, are not looked at, so that what was read can be sent on.

    Attributes:
        key, value: what the deserializers made of them; `None` is null (as a value, a
            tombstone).
        topic, partition, offset: where it lies.
        timestamp: milliseconds since the epoch; `None` where the record has none.
        timestamp_type: `"CreateTime"` or `"LogAppendTime"`, Kafka's names; `None` with
            no timestamp.
        headers: (name, bytes or `None`) pairs, in their order; a name may come twice.
    """

    key: Any = None
    value: Any = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp: int | None = None
    timestamp_type: str | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def datetime(self) -> datetime | None:
        """The timestamp as an aware `datetime`, in UTC."""
        if self.timestamp is None:
            return None
        return EPOCH + timedelta(milliseconds=self.timestamp)

    def __repr__(self) -> str:
        """Only what there is: `Record('k', 'v', topic='t', partition=0, offset=7)`."""
        shown = [repr(self.key), repr(self.value)]
        shown += [
            f"{name}={item!r}"
            for name, item in zip(self._fields[2:], self[2:], strict=True)
            if item not in (None, ())
        ]
        return f"Record({', '.join(shown)})"


class Records(list[Record]):
    """The records of one read, per partition by offset.

    Attributes:
        coverage: what of each partition was read; all of it, or the read had failed.
        new_partitions: those that were added to the topic while it was read, and are
            not in the records.
    """

    def __init__(
        self,
        records: Iterable[Record],
        coverage: Mapping[int, Coverage],
        new_partitions: tuple[int, ...] = (),
    ) -> None:
        super().__init__(records)
        self.coverage = dict(coverage)
        self.new_partitions = new_partitions


def header_type() -> pa.DataType:
    """The Arrow type of a record's headers: a list of (key, value)."""
    import pyarrow as pa

    header = pa.struct([("key", pa.string()), ("value", pa.binary())])
    return pa.list_(pa.field("item", header))


def read_schema() -> pa.Schema:
    """The schema of batches that were read; `timestamp` is in milliseconds,
    `timestamp_type` Kafka's (-1 none, 0 create, 1 log append).
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("partition", pa.int32()),
            ("offset", pa.int64()),
            ("timestamp", pa.int64()),
            ("timestamp_type", pa.int8()),
            ("key", pa.binary()),
            ("value", pa.binary()),
            ("headers", header_type()),
        ]
    )


def in_order(table: pa.Table) -> pa.Table:
    """A table of `read_schema()`, whose rows come in the order of offsets for each
    partition, with the partitions in order too.
    """
    import pyarrow.compute as pc

    partitions = table.column("partition").combine_chunks()
    if table.num_rows == 0 or len(partitions.unique()) == 1:
        return table
    return table.take(pc.array_sort_indices(partitions))  # a stable sort


def to_records(
    table: pa.Table | pa.RecordBatch,
    topic: str,
    key_deserializer: Deserializer,
    value_deserializer: Deserializer,
) -> list[Record]:
    """The rows of a table of `read_schema()` as records, in its order.

    Raises:
        DeserializationError: names the first record that does not decode.
    """
    names = [
        TIMESTAMP_TYPES[kind] for kind in table.column("timestamp_type").to_pylist()
    ]
    stamps = [
        None if stamp == NO_TIMESTAMP else stamp
        for stamp in table.column("timestamp").to_pylist()
    ]
    rows = zip(
        decode_column(table, topic, "key", key_deserializer),
        decode_column(table, topic, "value", value_deserializer),
        [topic] * table.num_rows,
        table.column("partition").to_pylist(),
        table.column("offset").to_pylist(),
        stamps,
        names,
        _headers(table),
        strict=True,
    )
    return list(map(Record._make, rows))


def _headers(table: pa.Table | pa.RecordBatch) -> list[tuple[Any, ...]]:
    import pyarrow.compute as pc

    column = table.column("headers")
    if not pc.any(pc.greater(pc.list_value_length(column), 0)).as_py():
        return [()] * table.num_rows  # nearly always
    return [
        tuple((header["key"], header["value"]) for header in headers)
        for headers in column.to_pylist()
    ]


def to_table(
    table: pa.Table,
    topic: str,
    key_deserializer: Deserializer,
    value_deserializer: Deserializer,
) -> pa.Table:
    """A table of `read_schema()` as users get it: the columns of `Record` but the
    topic, timestamps as Arrow's, in UTC.

    Raises:
        DeserializationError: names the first record that does not decode.
        TypeError: values that are not of one Arrow type.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    stamps = table.column("timestamp")
    stamps = pc.if_else(
        pc.equal(stamps, NO_TIMESTAMP), pa.scalar(None, pa.int64()), stamps
    )
    columns = {
        "key": _decoded(table, topic, "key", key_deserializer),
        "value": _decoded(table, topic, "value", value_deserializer),
        "partition": table.column("partition"),
        "offset": table.column("offset"),
        "timestamp": stamps.cast(pa.timestamp("ms", "UTC")),
        "timestamp_type": table.column("timestamp_type"),
        "headers": table.column("headers"),
    }
    return pa.table(columns)


def _decoded(table: pa.Table, topic: str, field: str, of: Deserializer) -> Any:
    import pyarrow as pa

    name, function = deserializer(of, field)
    kind = ARROW_TYPES.get(name) if function is DESERIALIZERS.get(name) else None
    column = table.column(field)
    if kind == "binary":
        return column
    if kind and name == "STRING":
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            pass  # what follows finds the record
    values = decode_column(table, topic, field, of)
    if name == "UUID":
        values = [None if value is None else str(value) for value in values]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TypeError(
            f"The {field}s of topic {topic!r}, deserialized as {name}, are not of one "
            f"Arrow type: {error}. Give another {field}_deserializer, or use "
            "read_records()."
        ) from error


def latest_by_key(
    batches: Iterable[pa.RecordBatch | pa.Table],
    topic: str,
    key_deserializer: Deserializer,
    value_deserializer: Deserializer,
) -> dict[Any, Any]:
    """The latest value of each key of batches of `read_schema()`; a tombstone shows as
    `None`. A batch is decoded before the next is drawn.

    Latest is by offset. A key that lies in several partitions, whose offsets do not
    compare: by timestamp, then partition.

    Raises:
        DeserializationError: a record that does not decode, or a key that can't be a
            dict's key.
    """
    latest: dict[int, dict[Any, Any]] = {}
    stamped: dict[int, list[tuple[list[Any], pa.Array]]] = {}
    for partition, part in _by_partition(batches):
        keys = decode_column(part, topic, "key", key_deserializer)
        values = decode_column(part, topic, "value", value_deserializer)
        try:
            latest.setdefault(partition, {}).update(zip(keys, values, strict=True))
        except TypeError as error:
            raise _unhashable(part, topic, keys, key_deserializer) from error
        stamped.setdefault(partition, []).append((keys, part.column("timestamp")))
    if len(latest) == 1:
        return latest.popitem()[1]
    merged: dict[Any, Any] = {}
    times: dict[Any, int] = {}
    for partition, found in sorted(latest.items()):
        found_times: dict[Any, int] = {}
        for keys, stamps in stamped[partition]:
            found_times.update(zip(keys, stamps.to_pylist(), strict=True))
        for key in merged.keys() & found.keys():
            if found_times[key] < times[key]:
                del found[key], found_times[key]
        times.update(found_times)
        merged.update(found)
    return merged


def _by_partition(
    batches: Iterable[pa.RecordBatch | pa.Table],
) -> Iterator[tuple[int, pa.RecordBatch | pa.Table]]:
    import pyarrow.compute as pc

    for batch in batches:
        partitions = batch.column("partition")
        numbers = partitions.unique().to_pylist()
        for number in numbers:
            is_only = len(numbers) == 1
            yield (
                number,
                batch if is_only else batch.filter(pc.equal(partitions, number)),
            )


def _unhashable(
    table: pa.RecordBatch | pa.Table, topic: str, keys: list[Any], of: Deserializer
) -> DeserializationError:
    row = next(row for row, key in enumerate(keys) if not _is_hashable(key))
    name, _ = deserializer(of, "key")
    reason = f"it gives a {type(keys[row]).__name__}, which can't be a dict's key"
    return undecodable(table, row, topic, "key", name, reason)


def _is_hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True
