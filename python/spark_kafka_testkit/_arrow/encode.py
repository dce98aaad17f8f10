"""Turn messages of any kind into the Arrow batches that both clients send."""

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

__all__ = ["COLUMNS", "batches", "check_record", "has_map"]

# These limit a batch, and so the memory that a send needs in Python and in the JVM.
BATCH_MESSAGES = 16_384
BATCH_BYTES = 16 << 20
DRAWN_AT_A_TIME = 32
EACH = getsizeof("")
COLUMNS = ("key", "value", "partition", "timestamp", "headers")
# Columns that a read returns too. A send ignores them.
GIVEN_BY_BROKER = ("topic", "offset", "timestamp_type", "timestampType")


def batches(
    messages: Any,
    key_serializer: Serializer | None = None,
    value_serializer: Serializer | None = None,
) -> pa.RecordBatchReader:
    """Convert messages to batches in one of the schemas of `send_schema()`.

    The call checks a list, or the columns of a table, and makes the first batch. The
    other batches, and the messages of an iterator, are checked as they are drawn.

    Args:
        messages: (key, value) pairs and `Record`s in any iterable, or a table. A table
            is anything that exports Arrow streams (pyarrow, pandas, Polars) and has
            columns out of `COLUMNS`, at least `value`.
        key_serializer, value_serializer: see `serde.Serializer`. Without one, the rules
            of `serde.encode` apply.

    Raises:
        TypeError, ValueError: messages that can't be sent. The text names the first.
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
    """The batches, with the first one made already.

    Most messages that can't be sent fail here, before anything is sent or a topic is
    created.
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
    """Slice the messages into one batch after another."""
    for start in range(0, len(messages), BATCH_MESSAGES):
        yield from _small(messages[start : start + BATCH_MESSAGES])


def _small(chunk: Sequence[Any]) -> Iterator[Sequence[Any]]:
    if len(chunk) > 1 and _size(chunk) > BATCH_BYTES:
        yield from _small(chunk[: len(chunk) // 2])
        yield from _small(chunk[len(chunk) // 2 :])
    else:
        yield chunk


def _drawn(messages: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Draw from an iterator, a few messages at a time because they may be large."""
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
    """The approximate size of the values, which need not be valid messages yet."""
    if set(map(type, messages)) <= {tuple, Record}:
        try:
            # nearly always text or bytes: asking for the length costs a third of asking
            # for the size
            return sum(map(len, map(itemgetter(1), messages))) + EACH * len(messages)
        except Exception:  # noqa: BLE001  no length, or raises when asked for it
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
    """Whether all messages are plain pairs.

    Raises:
        TypeError, ValueError: names a message that can't be sent.
    """
    if set(map(type, messages)) <= {tuple} and set(map(len, messages)) <= {2}:
        return True  # nearly always the case, and checked in C
    only_pairs = True
    for index, message in enumerate(messages, first):
        if _is_record(message):
            only_pairs = False
            check_record(message, f"message {index}")
        elif not isinstance(message, (tuple, list)) or len(message) != 2:
            raise TypeError(
                f"messages must be (key, value) pairs or Records, but message {index} "
                f"is {shown(message)}. For a value without a key, send (None, value)."
            )
    return only_pairs


def _is_record(message: Any) -> bool:
    """Whether it is a Record or looks like one, like rows of Spark and kafka-python."""
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
    """Raise if Kafka can't store the partition, timestamp or headers.

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
            f"The headers of {which} must be (name, value) pairs, got "
            f"{shown(record.headers)}"
        )
    try:
        _headers(record.headers)
    except SerializationError as error:
        raise SerializationError(f"The headers of {which}: {error}") from error


def _millis(timestamp: Any) -> int | None:
    """The timestamp of a record that has been checked, in milliseconds."""
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
    """Read any table: columns are checked here, rows as they are drawn."""
    import pyarrow as pa

    try:
        if _is_pandas(messages):
            messages = pa.Table.from_pandas(messages, preserve_index=False)
        reader = pa.RecordBatchReader.from_stream(messages)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ValueError(
            f"messages can't be read as an Arrow table: {error}"
        ) from error
    names = [name for name in reader.schema.names if name not in GIVEN_BY_BROKER]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "value" not in names:
        others = ", ".join(repr(name) for name in COLUMNS if name != "value")
        fault = ", ".join(map(repr, unknown)) if unknown else "no 'value'"
        raise ValueError(
            f"A table to send needs the column 'value' and may have {others}, but this "
            f"one has {fault}. Rename or drop columns first."
        )
    wide = not set(names) <= {"key", "value"}
    schema = send_schema(wide)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"A table to send has {name!r} {names.count(name)} times.")
        _check_type(reader.schema.field(name).type, schema.field(name), serializers)
    return _reader(schema, _from_batches(reader, names, serializers, wide))


def _check_type(dtype: pa.DataType, field: pa.Field, serializers: _Serializers) -> None:
    """Raise if the type of a column is ambiguous, even where Arrow could convert it.

    Headers need no such check: Arrow does not convert them.
    """
    import pyarrow as pa

    if field.name in serializers._fields:
        is_clear = not (pa.types.is_nested(dtype) or pa.types.is_temporal(dtype))
        if field.name == "value" and pa.types.is_nested(dtype):
            is_clear = not has_map(dtype)  # a map is a list of pairs in Python
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
                f"The column {field.name!r} must be {field.type}, got {dtype}."
            )


def has_map(dtype: pa.DataType) -> bool:
    """Whether there is a map anywhere in the type."""
    import pyarrow as pa

    if pa.types.is_map(dtype):
        return True
    return any(has_map(dtype.field(index).type) for index in range(dtype.num_fields))


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
    """Split a batch into ones that are small enough, without a copy."""
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
    """Convert a column of a table to the type that the schema wants."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.name in serializers._fields:
        return _binary(column, first, field.name, getattr(serializers, field.name))
    dtype, converted = column.type, column
    try:
        if pa.types.is_timestamp(dtype):
            # not a safe cast: anything below a millisecond is dropped
            is_safe = dtype.unit == "s"
            converted = pc.cast(column, pa.timestamp("ms", dtype.tz), safe=is_safe)
            converted = converted.cast(pa.int64())
        converted = converted.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"The column {field.name!r} must be {field.type}, got {dtype}: {error}"
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
            f"The headers of message {first + row} must be (name, value) pairs, got "
            f"{shown(column[row].as_py())}"
        )


def _check_not_negative(column: pa.Array, name: str, first: int) -> None:
    import pyarrow.compute as pc

    row = pc.index(pc.less(column, 0), True).as_py()
    if row >= 0:
        raise ValueError(
            f"The {name} of message {first + row} must not be negative, got "
            f"{column[row].as_py()}"
        )


def _binary(
    column: pa.Array, first: int, field: str, chosen: Serializer | None
) -> pa.Array:
    """Encode a column to bytes.

    Text and bytes need no Python step per item. Everything else follows the rules of
    `serde`.
    """
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
    except (ArithmeticError, ValueError) as error:  # a time that Python can't represent
        raise SerializationError(
            f"The {field}s of messages from {first} on can't be converted to Python: "
            f"{error}"
        ) from error
    return encode_column(values, first, field, chosen)
