"""Decode what was read into records, a table, or the latest value of each key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit.errors import DeserializationError
from spark_kafka_testkit.serde import (
    ARROW_TYPES,
    DESERIALIZERS,
    Deserializer,
    deserializer,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Decoder", "in_order"]

NO_TIMESTAMP = -1
TIMESTAMP_TYPES = {-1: None, 0: "CreateTime", 1: "LogAppendTime"}


class Decoder:
    """A decoder for batches and tables of one topic, in `schema.read_schema()`.

    Args:
        topic: the topic that the records and errors name.
        key_deserializer, value_deserializer: see `serde.Deserializer`.

    Raises:
        TypeError, ValueError: neither a known name nor a callable.
    """

    def __init__(
        self,
        topic: str,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> None:
        self.topic = topic
        self._functions = {
            "key": deserializer(key_deserializer, "key"),
            "value": deserializer(value_deserializer, "value"),
        }

    def records(self, table: pa.Table | pa.RecordBatch) -> list[Record]:
        """The rows as records, in the same order.

        Raises:
            DeserializationError: names the first record that does not decode.
        """
        timestamp_types = [
            TIMESTAMP_TYPES[code] for code in table.column("timestamp_type").to_pylist()
        ]
        stamps = [
            None if stamp == NO_TIMESTAMP else stamp
            for stamp in table.column("timestamp").to_pylist()
        ]
        rows = zip(
            self.column(table, "key"),
            self.column(table, "value"),
            [self.topic] * table.num_rows,
            table.column("partition").to_pylist(),
            table.column("offset").to_pylist(),
            stamps,
            timestamp_types,
            _headers(table),
            strict=True,
        )
        return list(map(Record._make, rows))

    def table(self, table: pa.Table) -> pa.Table:
        """The table as users get it: `Record` without the topic, and times in UTC.

        Raises:
            DeserializationError: names the first record that does not decode.
            TypeError: the values do not share one Arrow type.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        stamps = table.column("timestamp")
        stamps = pc.if_else(pc.equal(stamps, NO_TIMESTAMP), pa.NULL, stamps)
        columns = {
            "key": self._arrow_column(table, "key"),
            "value": self._arrow_column(table, "value"),
            "partition": table.column("partition"),
            "offset": table.column("offset"),
            "timestamp": stamps.cast(pa.timestamp("ms", "UTC")),
            "timestamp_type": table.column("timestamp_type"),
            "headers": table.column("headers"),
        }
        return pa.table(columns)

    def latest(self, batches: Iterable[pa.RecordBatch | pa.Table]) -> dict[Any, Any]:
        """The latest value of each key, with `None` for a tombstone.

        "Latest" means the highest offset. If a key is in several partitions, whose
        offsets do not compare, the newest timestamp wins, then the highest partition.
        Each batch is decoded before the next one is drawn.

        Raises:
            DeserializationError: a record that does not decode, or a key that can't be
                a dict key.
        """
        latest: dict[int, dict[Any, Any]] = {}
        stamped: dict[int, list[tuple[list[Any], pa.Array]]] = {}
        for partition, part in _by_partition(batches):
            keys = self.column(part, "key")
            values = self.column(part, "value")
            try:
                latest.setdefault(partition, {}).update(zip(keys, values, strict=True))
            except TypeError as error:
                raise self._unhashable(part, keys) from error
            stamped.setdefault(partition, []).append((keys, part.column("timestamp")))
        if len(latest) == 1:
            return latest.popitem()[1]
        merged: dict[Any, Any] = {}
        times: dict[Any, int] = {}
        for partition, by_key in sorted(latest.items()):
            key_times: dict[Any, int] = {}
            for keys, stamps in stamped[partition]:
                key_times.update(zip(keys, stamps.to_pylist(), strict=True))
            for key in merged.keys() & by_key.keys():
                if key_times[key] < times[key]:
                    del by_key[key], key_times[key]
            times.update(key_times)
            merged.update(by_key)
        return merged

    def column(self, table: pa.Table | pa.RecordBatch, field: str) -> list[Any]:
        """The decoded values of `key` or `value`.

        Raises:
            DeserializationError: names the first record that does not decode.
        """
        import pyarrow as pa

        _, function = self._functions[field]
        column = table.column(field)
        if function is bytes:
            return list(column.to_pylist())
        if function is DESERIALIZERS["STRING"]:
            try:
                return list(column.cast(pa.string()).to_pylist())
            except pa.ArrowInvalid:
                pass  # the loop below finds the record
        values: list[Any] = []
        for row, data in enumerate(column.to_pylist()):
            try:
                values.append(None if data is None else function(data))
            except Exception as error:
                reason = str(error) or type(error).__name__
                raise self._undecodable(table, row, field, reason) from error
        return values

    def _arrow_column(self, table: pa.Table, field: str) -> Any:
        import pyarrow as pa

        name, function = self._functions[field]
        type_name = (
            ARROW_TYPES.get(name) if function is DESERIALIZERS.get(name) else None
        )
        column = table.column(field)
        if type_name == "binary":
            return column
        if type_name and name == "STRING":
            try:
                return column.cast(pa.string())
            except pa.ArrowInvalid:
                pass  # the code below finds the record
        values = self.column(table, field)
        if name == "UUID":
            values = [None if value is None else str(value) for value in values]
        try:
            return pa.array(values, type_name)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise TypeError(
                f"The {field}s of topic {self.topic!r}, deserialized as {name}, are "
                f"not of one Arrow type: {error}. Give another {field}_deserializer, "
                "or use read_records()."
            ) from error

    def _unhashable(
        self, table: pa.RecordBatch | pa.Table, keys: list[Any]
    ) -> DeserializationError:
        row = next(row for row, key in enumerate(keys) if not _is_hashable(key))
        reason = f"it returns a {type(keys[row]).__name__}, which can't be a dict key"
        return self._undecodable(table, row, "key", reason)

    def _undecodable(
        self, table: pa.RecordBatch | pa.Table, row: int, field: str, reason: str
    ) -> DeserializationError:
        partition, offset, data = (
            table.column(column)[row].as_py()
            for column in ("partition", "offset", field)
        )
        name, _ = self._functions[field]
        return DeserializationError(
            self.topic, partition, offset, field, name, data, reason
        )


def in_order(table: pa.Table) -> pa.Table:
    """Sort by partition, where each is already in the order of its offsets."""
    import pyarrow.compute as pc

    partitions = table.column("partition").combine_chunks()
    if table.num_rows == 0 or len(partitions.unique()) == 1:
        return table
    return table.take(pc.array_sort_indices(partitions))  # stable sort


def _headers(table: pa.Table | pa.RecordBatch) -> list[tuple[Any, ...]]:
    import pyarrow.compute as pc

    column = table.column("headers")
    if not pc.max(pc.list_value_length(column)).as_py():
        return [()] * table.num_rows  # nearly always the case
    return [
        tuple((header["key"], header["value"]) for header in headers)
        for headers in column.to_pylist()
    ]


def _by_partition(
    batches: Iterable[pa.RecordBatch | pa.Table],
) -> Iterator[tuple[int, pa.RecordBatch | pa.Table]]:
    import pyarrow.compute as pc

    for batch in batches:
        partitions = batch.column("partition")
        numbers = partitions.unique()
        for number in numbers:
            is_only = len(numbers) == 1
            yield (
                number.as_py(),
                batch if is_only else batch.filter(pc.equal(partitions, number)),
            )


def _is_hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True
