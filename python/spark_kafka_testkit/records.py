"""The form of records: how messages become Arrow batches, and how Arrow columns become
Python values again.

Both clients take and give batches of these schemas, so that encoding and decoding are
written once.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from spark_kafka_testkit.errors import DeserializationError, SerializationError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DESERIALIZERS",
    "Deserializer",
    "batches",
    "encode",
    "latest_by_key",
    "read_schema",
    "send_schema",
]

Deserializer: TypeAlias = str | Callable[[bytes], Any]
"""A name from `DESERIALIZERS` (in any case), or a callable from the bytes to the value;
null stays `None` and is not given to it.
"""

Message: TypeAlias = tuple[Any, Any]

BATCH_MESSAGES = 16_384


def send_schema() -> pa.Schema:
    """The schema of batches to send: `key` and `value`, binary, null for null."""
    import pyarrow as pa

    return pa.schema([("key", pa.binary()), ("value", pa.binary())])


def read_schema() -> pa.Schema:
    """The schema of batches that were read; `timestamp` is in milliseconds,
    `timestamp_type` Kafka's (0 create, 1 log append).
    """
    import pyarrow as pa

    header = pa.struct([("key", pa.string()), ("value", pa.binary())])
    return pa.schema(
        [
            ("partition", pa.int32()),
            ("offset", pa.int64()),
            ("timestamp", pa.int64()),
            ("timestamp_type", pa.int8()),
            ("key", pa.binary()),
            ("value", pa.binary()),
            ("headers", pa.list_(pa.field("item", header))),
        ]
    )


def encode(item: Any) -> bytes | None:
    """One key or value as bytes: `None` stays null, bytes pass, a str is UTF-8,
    anything else is `str(item)` in UTF-8.

    Raises:
        SerializationError: a str that UTF-8 can't hold (a lone surrogate).
    """
    if item is None or isinstance(item, bytes):
        return item
    if isinstance(item, (bytearray, memoryview)):
        return bytes(item)
    text = item if isinstance(item, str) else str(item)
    try:
        return str.encode(text)
    except UnicodeEncodeError as error:
        raise SerializationError(
            f"{str(item)!r} can't be encoded as UTF-8: {error}"
        ) from error


def batches(messages: Iterable[Message]) -> Iterator[pa.RecordBatch]:
    """The messages as batches of `send_schema()`. A list is checked whole at the call,
    an iterator as it is drawn.

    Raises:
        TypeError: not an iterable of (key, value) pairs.
        SerializationError: see `encode`.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(
        messages, Iterable
    ):
        hint = " (give its items())" if isinstance(messages, Mapping) else ""
        raise TypeError(
            "messages must be a list of (key, value) pairs, "
            f"not {type(messages).__name__}{hint}"
        )
    is_checked = isinstance(messages, (list, tuple))
    if is_checked:
        _check_pairs(messages, 0)
    return _draw(messages, is_checked)


def _draw(messages: Iterable[Message], is_checked: bool) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    source = iter(messages)
    first = 0
    while chunk := list(islice(source, BATCH_MESSAGES)):
        if not is_checked:
            _check_pairs(chunk, first)
        columns = [message[0] for message in chunk], [message[1] for message in chunk]
        yield pa.record_batch([_column(items) for items in columns], send_schema())
        first += len(chunk)


def _check_pairs(messages: Iterable[Any], first: int) -> None:
    """Raises a TypeError that names the first message that is not a pair."""
    if set(map(type, messages)) <= {tuple} and set(map(len, messages)) <= {2}:
        return  # nearly always, and in C
    for index, message in enumerate(messages, first):
        if not isinstance(message, (tuple, list)) or len(message) != 2:
            raise TypeError(
                f"messages must be (key, value) pairs; message {index} is "
                f"{_shown(message)}. For a value without a key send (None, value)."
            )


def _shown(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 60 else text[:57] + "..."


def _column(items: list[Any]) -> pa.Array:
    """A binary column; Arrow itself takes str, bytes and None, without a Python step
    per item.
    """
    import pyarrow as pa

    try:
        return pa.array(items, pa.binary())
    except (pa.ArrowException, TypeError, UnicodeEncodeError):
        return pa.array([encode(item) for item in items], pa.binary())


def _fixed(code: str) -> Callable[[bytes], Any]:
    layout = struct.Struct(">" + code)

    def decode(data: bytes) -> Any:
        if len(data) != layout.size:
            raise ValueError(
                f"{layout.size} bytes are expected (Kafka's binary form, not text), "
                f"{len(data)} found"
            )
        return layout.unpack(data)[0]

    return decode


def _boolean(data: bytes) -> bool:
    if data not in (b"\x00", b"\x01"):
        raise ValueError("a single byte 0 or 1 is expected")
    return data == b"\x01"


def _text(data: bytes) -> str:
    return data.decode()


DESERIALIZERS: dict[str, Callable[[bytes], Any]] = {
    "STRING": _text,
    "BINARY": bytes,
    "BYTES": bytes,
    "SHORT": _fixed("h"),
    "INT": _fixed("i"),
    "LONG": _fixed("q"),
    "FLOAT": _fixed("f"),
    "DOUBLE": _fixed("d"),
    "BOOLEAN": _boolean,
    "UUID": lambda data: uuid.UUID(data.decode()),
    "JSON": json.loads,
}
"""By name: the formats of Kafka's own serializers (numbers big endian), UTF-8 text, and
JSON.
"""


def deserializer(of: Deserializer, field: str) -> tuple[str, Callable[[bytes], Any]]:
    """The name and the function of a deserializer.

    Raises:
        TypeError, ValueError: neither a known name nor a callable.
    """
    if callable(of):
        return getattr(of, "__name__", repr(of)), of
    if not isinstance(of, str):
        raise TypeError(
            f"{field}_deserializer must be a name or a callable, not "
            f"{type(of).__name__}"
        )
    function = DESERIALIZERS.get(of.upper())
    if function is None:
        raise ValueError(
            f"{field}_deserializer={of!r} is not known; give one of "
            f"{', '.join(DESERIALIZERS)}, or a callable that takes bytes"
        )
    return of.upper(), function


def decode_column(
    table: pa.Table, topic: str, field: str, of: Deserializer
) -> list[Any]:
    """The values of column `field` of a table of `read_schema()`, in its order.

    Raises:
        DeserializationError: names the first record that does not decode.
    """
    import pyarrow as pa

    name, function = deserializer(of, field)
    column = table.column(field)
    if function is bytes:
        return list(column.to_pylist())
    if function is _text:
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
            raise _undecodable(table, row, topic, field, name, reason) from error
    return values


def latest_by_key(
    table: pa.Table,
    topic: str,
    key_deserializer: Deserializer,
    value_deserializer: Deserializer,
) -> dict[Any, Any]:
    """The latest value of each key of a table of `read_schema()`; a tombstone shows as
    `None`.

    Latest is by offset. A key that lies in several partitions, whose offsets do not
    compare: by timestamp, then partition.

    Raises:
        DeserializationError: a record that does not decode, or a key that can't be a
            dict's key.
    """
    import pyarrow.compute as pc

    latest: dict[Any, Any] = {}
    times: dict[Any, int] = {}
    partitions = sorted(table.column("partition").unique().to_pylist())
    for partition in partitions:
        part = (
            table
            if len(partitions) == 1
            else table.filter(pc.equal(table.column("partition"), partition))
        )
        keys = decode_column(part, topic, "key", key_deserializer)
        values = decode_column(part, topic, "value", value_deserializer)
        try:
            found = dict(zip(keys, values, strict=True))
        except TypeError as error:
            raise _unhashable(part, topic, keys, key_deserializer) from error
        if len(partitions) > 1:
            found_times = dict(
                zip(keys, part.column("timestamp").to_pylist(), strict=True)
            )
            for key in latest.keys() & found.keys():
                if found_times[key] < times[key]:
                    del found[key], found_times[key]
            times.update(found_times)
        latest.update(found)
    return latest


def _unhashable(
    table: pa.Table, topic: str, keys: list[Any], of: Deserializer
) -> DeserializationError:
    row = next(row for row, key in enumerate(keys) if not _is_hashable(key))
    name, _ = deserializer(of, "key")
    reason = f"it gives a {type(keys[row]).__name__}, which can't be a dict's key"
    return _undecodable(table, row, topic, "key", name, reason)


def _is_hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _undecodable(
    table: pa.Table, row: int, topic: str, field: str, name: str, reason: str
) -> DeserializationError:
    partition, offset, data = (
        table.column(column)[row].as_py() for column in ("partition", "offset", field)
    )
    return DeserializationError(topic, partition, offset, field, name, data, reason)
