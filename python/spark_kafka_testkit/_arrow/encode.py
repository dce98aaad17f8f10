"""What can be sent: how messages of any kind become Arrow batches, which both clients
take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_kafka_testkit import _clock
from spark_kafka_testkit._arrow.columns import encode_column, shown
from spark_kafka_testkit._arrow.schema import header_type, send_schema
from spark_kafka_testkit._model.offsets import to_millis
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._numbers import is_whole, to_int
from spark_kafka_testkit.serde import Serializer, encode, serializer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "batches"]

# What bounds a batch, and with it the memory of a send in Python and in the JVM.
BATCH_MESSAGES = 16_384
BATCH_BYTES = 16 << 20
DRAWN_AT_A_TIME = 32
EACH = getsizeof("")
COLUMNS = ("key", "value", "partition", "timestamp", "headers")
# What a read gives too, and a send does not look at.
GIVEN_BY_BROKER = ("topic", "offset", "timestamp_type", "timestampType")


def batches(
    messages: Any,
    key_serializer: Serializer | None = None,
    value_serializer: Serializer | None = None,
) -> pa.RecordBatchReader:
    """The messages as batches of one of the schemas of `send_schema()`. A list and a
    table are checked at the call, an iterator as it is drawn.

    Args:
        messages: (key, value) pairs and `Record`s in any iterable; or a table: what
            exports Arrow streams (pyarrow, pandas, Polars) with columns out of
            `COLUMNS`, `value` at least.
        key_serializer, value_serializer: see `serde.Serializer`; without one, the rules
            of `serde.encode`.

    Raises:
        TypeError, ValueError: messages that can't be sent; the text names the first.
        SerializationError: (a ValueError) a key or value that can't be serialized.
    """
    _clock.load_arrow()
    import pyarrow as pa

    of = _Serializers(key_serializer, value_serializer)
    of.check()
    if _is_table(messages):
        return _from_table(messages, of)
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(
        messages, Iterable
    ):
        hints = {"DataFrame": " (give its toArrow())"}
        hint = hints.get(type(messages).__name__, "")
        if isinstance(messages, Mapping):
            hint = " (give its items())"
        raise TypeError(
            "messages must be a list of (key, value) pairs or Records, or a table, "
            f"not {type(messages).__name__}{hint}"
        )
    if isinstance(messages, (list, tuple)):
        wide = not _are_pairs(messages, 0)
        drawn = _batches(_sliced(messages), of, wide, is_checked=True)
    else:
        wide = True
        drawn = _batches(_drawn(messages), of, wide, is_checked=False)
    return pa.RecordBatchReader.from_batches(send_schema(wide), drawn)


class _Serializers(NamedTuple):
    key: Serializer | None
    value: Serializer | None

    def check(self) -> None:
        for field, of in zip(self._fields, self, strict=True):
            if of is not None:
                serializer(of, field)


def _batches(
    chunks: Iterable[Sequence[Any]], of: _Serializers, wide: bool, is_checked: bool
) -> Iterator[pa.RecordBatch]:
    first = 0
    for chunk in chunks:
        pairs = not wide if is_checked else _are_pairs(chunk, first)
        yield _batch(chunk, first, of, wide, pairs)
        first += len(chunk)


def _sliced(messages: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The messages of one batch after the other."""
    for start in range(0, len(messages), BATCH_MESSAGES):
        yield from _small(messages[start : start + BATCH_MESSAGES])


def _small(chunk: Sequence[Any]) -> Iterator[Sequence[Any]]:
    if len(chunk) > 1 and _size(chunk) > BATCH_BYTES:
        yield from _small(chunk[: len(chunk) // 2])
        yield from _small(chunk[len(chunk) // 2 :])
    else:
        yield chunk


def _drawn(messages: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """The same of an iterator, of which few are drawn at a time: they may be large."""
    source = iter(messages)
    chunk: list[Any] = []
    size = 0
    while drawn := list(islice(source, DRAWN_AT_A_TIME)):
        chunk += drawn
        size += _size(drawn)
        if len(chunk) >= BATCH_MESSAGES or size >= BATCH_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _size(messages: Sequence[Any]) -> int:
    """About that of their values; whether they are messages at all is seen later."""
    if set(map(type, messages)) <= {tuple, Record}:
        try:
            # nearly always text or bytes; its length costs a third of its size
            return sum(map(len, map(itemgetter(1), messages))) + EACH * len(messages)
        except (TypeError, IndexError):
            pass
    return sum(getsizeof(_value(message)) for message in messages)


def _value(message: Any) -> Any:
    if isinstance(message, (tuple, list)) and len(message) == 2:
        return message[1]
    return getattr(message, "value", message)


def _batch(
    chunk: Sequence[Any], first: int, of: _Serializers, wide: bool, pairs: bool
) -> pa.RecordBatch:
    import pyarrow as pa

    schema = send_schema(wide)
    if pairs:
        keys, values = [item[0] for item in chunk], [item[1] for item in chunk]
        rest = [pa.nulls(len(chunk), field.type) for field in list(schema)[2:]]
    else:
        records = [_as_record(item) for item in chunk]
        keys, values = [item.key for item in records], [item.value for item in records]
        rest = [
            pa.array([item.partition for item in records], pa.int32()),
            pa.array([to_millis(item.timestamp) for item in records], pa.int64()),
            pa.array([_headers(item.headers) for item in records], header_type()),
        ]
    columns = [
        encode_column(keys, first, "key", of.key),
        encode_column(values, first, "value", of.value),
        *rest,
    ]
    return pa.record_batch(columns, schema)


def _are_pairs(messages: Sequence[Any], first: int) -> bool:
    """Whether all are plain pairs. Raises where one can't be sent, and names it."""
    if set(map(type, messages)) <= {tuple} and set(map(len, messages)) <= {2}:
        return True  # nearly always, and in C
    only_pairs = True
    for index, message in enumerate(messages, first):
        if _is_record(message):
            only_pairs = False
            _check_record(message, index)
        elif not isinstance(message, (tuple, list)) or len(message) != 2:
            raise TypeError(
                "messages must be (key, value) pairs or Records; "
                f"message {index} is {shown(message)}. "
                "For a value without a key send (None, value)."
            )
    return only_pairs


def _is_record(message: Any) -> bool:
    """A Record, or what looks like one: Spark's rows and kafka-python's records do."""
    return (
        hasattr(message, "key")
        and hasattr(message, "value")
        and not callable(message.value)  # confluent-kafka's messages have methods
    )


def _as_record(message: Any) -> Record:
    if not _is_record(message):
        return Record(message[0], message[1])
    return Record(
        message.key,
        message.value,
        partition=to_int(getattr(message, "partition", None)),
        timestamp=to_int(getattr(message, "timestamp", None)),
        headers=getattr(message, "headers", None) or (),
    )


def _check_record(message: Any, index: int) -> None:
    record = _as_record(message)
    for name, item in (
        ("partition", record.partition),
        ("timestamp", to_millis(record.timestamp)),
    ):
        if item is None:
            continue
        if not is_whole(item):
            raise TypeError(
                f"The {name} of message {index} must be an int, not "
                f"{type(item).__name__}"
            )
        if item < 0:
            raise ValueError(f"The {name} of message {index} is negative: {item}")
    try:
        _headers(record.headers)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The headers of message {index} must be (name, value) pairs, and are "
            f"{shown(record.headers)}"
        ) from error


def _headers(headers: Any) -> list[dict[str, Any]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = []
    for name, item in pairs:
        if not isinstance(name, str):
            raise TypeError(f"a header's name must be a str, not {name!r}")
        found.append({"key": name, "value": encode(item)})
    return found


def _is_table(messages: Any) -> bool:
    return hasattr(messages, "__arrow_c_stream__") or _is_pandas(messages)


def _is_pandas(messages: Any) -> bool:
    kind = type(messages)
    return kind.__name__ == "DataFrame" and kind.__module__.startswith("pandas.")


def _from_table(messages: Any, of: _Serializers) -> pa.RecordBatchReader:
    """Any table; its columns are looked at here, its rows as they are drawn."""
    import pyarrow as pa

    if _is_pandas(messages):
        messages = pa.Table.from_pandas(messages, preserve_index=False)
    reader = pa.RecordBatchReader.from_stream(messages)
    names = [name for name in reader.schema.names if name not in GIVEN_BY_BROKER]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "value" not in names:
        fault = f"it has {', '.join(map(repr, unknown))}" if unknown else "it has none"
        raise ValueError(
            f"A table to send has the column 'value', and may have "
            f"{', '.join(repr(name) for name in COLUMNS if name != 'value')}; {fault}. "
            "Rename or drop columns first."
        )
    wide = not set(names) <= {"key", "value"}
    return pa.RecordBatchReader.from_batches(
        send_schema(wide), _from_batches(reader, names, of, wide)
    )


def _from_batches(
    reader: pa.RecordBatchReader, names: list[str], of: _Serializers, wide: bool
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = send_schema(wide)
    first = 0
    for whole in reader:
        for batch in _parts(whole):
            columns = [
                _converted(batch.column(field.name), field, first, of)
                if field.name in names
                else pa.nulls(batch.num_rows, field.type)
                for field in schema
            ]
            yield pa.record_batch(columns, schema)
            first += batch.num_rows


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Its rows in batches that are small enough, without a copy."""
    rows = batch.num_rows
    if rows > BATCH_MESSAGES:
        for start in range(0, rows, BATCH_MESSAGES):
            yield from _parts(batch.slice(start, BATCH_MESSAGES))
    elif rows > 1 and batch.nbytes > BATCH_BYTES:
        yield from _parts(batch.slice(0, rows // 2))
        yield from _parts(batch.slice(rows // 2))
    else:
        yield batch


def _converted(
    column: pa.Array, field: pa.Field, first: int, of: _Serializers
) -> pa.Array:
    """A column of a table, in the type of the schema."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.name in of._fields:
        return _binary(column, first, field.name, getattr(of, field.name))
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("ms", column.type.tz), safe=False)
        column = column.cast(pa.int64())
    try:
        converted = column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"The column {field.name!r} must be {field.type}, and is {column.type}: "
            f"{error}"
        ) from error
    if field.name == "headers":
        _check_headers(converted, first)
    else:
        _check_not_negative(converted, field.name, first)
    return converted


def _check_headers(column: pa.Array, first: int) -> None:
    import pyarrow.compute as pc

    names = pc.struct_field(pc.list_flatten(column), "key")
    at = pc.index(pc.is_null(names), True).as_py()
    if at >= 0:
        row = pc.list_parent_indices(column)[at].as_py()
        raise ValueError(
            f"The headers of message {first + row} must be (name, value) pairs, and "
            f"are {shown(column[row].as_py())}"
        )


def _check_not_negative(column: pa.Array, name: str, first: int) -> None:
    import pyarrow.compute as pc

    row = pc.index(pc.less(column, 0), True).as_py()
    if row >= 0:
        raise ValueError(
            f"The {name} of message {first + row} is negative: {column[row].as_py()}"
        )


def _binary(
    column: pa.Array, first: int, field: str, of: Serializer | None
) -> pa.Array:
    """Text and bytes without a Python step per item; all else as `serde` says."""
    import pyarrow as pa

    kind = column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    if of is None and (is_text or is_bytes):
        if is_text and kind != pa.string():
            column = column.cast(pa.large_binary())
        return column.cast(pa.binary())
    return encode_column(column.to_pylist(), first, field, of)
