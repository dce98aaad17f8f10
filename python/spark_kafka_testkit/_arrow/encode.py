"""What can be sent: how messages of any kind become Arrow batches, which both clients
take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._arrow.columns import encode_column
from spark_kafka_testkit._arrow.schema import header_type, send_schema
from spark_kafka_testkit._model.offsets import to_millis
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._text import shown
from spark_kafka_testkit.errors import SerializationError
from spark_kafka_testkit.serde import Serializer, encode, serializer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "batches", "check_record"]

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
    table's columns are checked at the call, and the first batch is made; the others,
    and an iterator's messages, are looked at as they are drawn.

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
    serializers = _Serializers(key_serializer, value_serializer)
    serializers.check()
    if _is_table(messages):
        return _from_table(messages, serializers)
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
        drawn = _batches(_sliced(messages), serializers, wide, is_checked=True)
    else:
        wide = True
        drawn = _batches(_drawn(messages), serializers, wide, is_checked=False)
    return _reader(send_schema(wide), drawn)


def _reader(schema: pa.Schema, drawn: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    """The batches, the first of them made: what is wrong with most that can't be sent
    shows before anything is sent, or a topic created.
    """
    import pyarrow as pa

    first = list(islice(drawn, 1))
    return pa.RecordBatchReader.from_batches(schema, chain(first, drawn))


class _Serializers(NamedTuple):
    key: Serializer | None
    value: Serializer | None

    def check(self) -> None:
        for field, chosen in zip(self._fields, self, strict=True):
            if chosen is not None:
                serializer(chosen, field)


def _batches(
    chunks: Iterable[Sequence[Any]],
    serializers: _Serializers,
    wide: bool,
    is_checked: bool,
) -> Iterator[pa.RecordBatch]:
    first = 0
    for chunk in chunks:
        pairs = not wide if is_checked else _are_pairs(chunk, first)
        yield _batch(chunk, first, serializers, wide, pairs)
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
        except Exception:  # noqa: BLE001  what has no length, or raises when asked
            pass
    return sum(getsizeof(_value(message)) for message in messages)


def _value(message: Any) -> Any:
    if isinstance(message, (tuple, list)) and len(message) == 2:
        return message[1]
    return getattr(message, "value", message)


def _batch(
    chunk: Sequence[Any], first: int, serializers: _Serializers, wide: bool, pairs: bool
) -> pa.RecordBatch:
    import pyarrow as pa

    schema = send_schema(wide)
    if pairs:
        keys, values = [pair[0] for pair in chunk], [pair[1] for pair in chunk]
        rest = [pa.nulls(len(chunk), field.type) for field in list(schema)[2:]]
    else:
        records = [_as_record(message) for message in chunk]
        keys = [record.key for record in records]
        values = [record.value for record in records]
        rest = [
            pa.array([record.partition for record in records], pa.int32()),
            pa.array([_millis(record.timestamp) for record in records], pa.int64()),
            pa.array([_headers(record.headers) for record in records], header_type()),
        ]
    columns = [
        encode_column(keys, first, "key", serializers.key),
        encode_column(values, first, "value", serializers.value),
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
            check_record(message, f"message {index}")
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
    if type(message) is Record and message.headers is not None:
        return message
    if not _is_record(message):
        return Record(message[0], message[1])
    headers = getattr(message, "headers", None)
    return Record(
        message.key,
        message.value,
        partition=_arguments.to_int(getattr(message, "partition", None)),
        timestamp=_arguments.to_int(getattr(message, "timestamp", None)),
        headers=() if headers is None else headers,
    )


def check_record(message: Any, which: str) -> None:
    """Raises where Kafka has no room for the partition, timestamp or headers.

    Args:
        which: the message, for the error.
    """
    record = _as_record(message)
    if record.partition is not None:
        _arguments.whole(
            f"The partition of {which}", record.partition, 0, _arguments.INT_MAX
        )
    if record.timestamp is not None:
        to_millis(f"The timestamp of {which}", record.timestamp)
    if not _are_headers(record.headers):
        raise TypeError(
            f"The headers of {which} must be (name, value) pairs, and are "
            f"{shown(record.headers)}"
        )
    try:
        _headers(record.headers)
    except SerializationError as error:
        raise SerializationError(f"The headers of {which}: {error}") from error


def _millis(timestamp: Any) -> int | None:
    """That of a record that was checked."""
    is_plain = timestamp is None or isinstance(timestamp, int)
    return timestamp if is_plain else to_millis("timestamp", timestamp)


def _are_headers(headers: Any) -> bool:
    if isinstance(headers, Mapping):
        return all(isinstance(name, str) for name in headers)
    return isinstance(headers, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in headers
    )


def _headers(headers: Any) -> list[dict[str, Any]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [{"key": encode(name), "value": encode(value)} for name, value in pairs]


def _is_table(messages: Any) -> bool:
    return hasattr(messages, "__arrow_c_stream__") or _is_pandas(messages)


def _is_pandas(messages: Any) -> bool:
    cls = type(messages)
    return cls.__name__ == "DataFrame" and cls.__module__.startswith("pandas.")


def _from_table(messages: Any, serializers: _Serializers) -> pa.RecordBatchReader:
    """Any table; its columns are looked at here, its rows as they are drawn."""
    import pyarrow as pa

    try:
        if _is_pandas(messages):
            messages = pa.Table.from_pandas(messages, preserve_index=False)
        reader = pa.RecordBatchReader.from_stream(messages)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ValueError(f"messages can't be had as an Arrow table: {error}") from error
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
    schema = send_schema(wide)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"A table to send has {name!r} {names.count(name)} times.")
        _check_type(reader.schema.field(name).type, schema.field(name), serializers)
    return _reader(schema, _from_batches(reader, names, serializers, wide))


def _check_type(dtype: pa.DataType, field: pa.Field, serializers: _Serializers) -> None:
    """Raises where a column's type does not say what is meant, though Arrow would make
    something of it. Of headers it would not.
    """
    import pyarrow as pa

    if field.name in serializers._fields:
        is_clear = not (pa.types.is_nested(dtype) or pa.types.is_temporal(dtype))
        if field.name == "value" and pa.types.is_nested(dtype):
            is_clear = not _has_map(dtype)  # in Python a list of pairs
        if not is_clear and getattr(serializers, field.name) is None:
            raise ValueError(
                f"The column {field.name!r} is {dtype}, which is neither text nor a "
                f"number. Give a {field.name}_serializer, for example 'JSON', or cast "
                "it to text."
            )
    elif field.name in ("partition", "timestamp"):
        is_number = pa.types.is_integer(dtype) or pa.types.is_floating(dtype)
        is_time = field.name == "timestamp" and pa.types.is_timestamp(dtype)
        if not (is_number or is_time or pa.types.is_null(dtype)):
            raise ValueError(
                f"The column {field.name!r} must be {field.type}, and is {dtype}."
            )


def _has_map(dtype: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_map(dtype):
        return True
    return any(_has_map(dtype.field(index).type) for index in range(dtype.num_fields))


def _from_batches(
    reader: pa.RecordBatchReader,
    names: list[str],
    serializers: _Serializers,
    wide: bool,
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = send_schema(wide)
    first = 0
    for whole in reader:
        for batch in _parts(whole):
            columns = [
                _converted(batch.column(field.name), field, first, serializers)
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
    column: pa.Array, field: pa.Field, first: int, serializers: _Serializers
) -> pa.Array:
    """A column of a table, in the type of the schema."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.name in serializers._fields:
        return _binary(column, first, field.name, getattr(serializers, field.name))
    dtype, converted = column.type, column
    try:
        if pa.types.is_timestamp(dtype):
            # not safe: what is less than a millisecond is lost
            is_safe = dtype.unit == "s"
            converted = pc.cast(column, pa.timestamp("ms", dtype.tz), safe=is_safe)
            converted = converted.cast(pa.int64())
        converted = converted.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"The column {field.name!r} must be {field.type}, and is {dtype}: {error}"
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
            f"The {name} of message {first + row} must not be negative, and is "
            f"{column[row].as_py()}"
        )


def _binary(
    column: pa.Array, first: int, field: str, chosen: Serializer | None
) -> pa.Array:
    """Text and bytes without a Python step per item; all else as `serde` says."""
    import pyarrow as pa

    dtype = column.type
    is_text = pa.types.is_string(dtype) or pa.types.is_large_string(dtype)
    is_bytes = pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype)
    if chosen is None and (is_text or is_bytes):
        if is_text and dtype != pa.string():
            column = column.cast(pa.large_binary())
        return column.cast(pa.binary())
    try:
        values = column.to_pylist()
    except (ArithmeticError, ValueError) as error:  # a time that Python has not
        raise SerializationError(
            f"The {field}s of messages from {first} on can't be had in Python: {error}"
        ) from error
    return encode_column(values, first, field, chosen)
