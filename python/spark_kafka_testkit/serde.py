"""How keys and values become bytes, and bytes values again: one registry of names for
both ways.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from spark_kafka_testkit.errors import DeserializationError, SerializationError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ARROW_TYPES",
    "DESERIALIZERS",
    "SERIALIZERS",
    "Deserializer",
    "Serializer",
    "decode_column",
    "deserializer",
    "encode",
    "encode_column",
    "serializer",
]

Deserializer: TypeAlias = str | Callable[[bytes], Any]
"""A name from `DESERIALIZERS` (in any case), or a callable from the bytes to the value;
null stays `None` and is not given to it.
"""

Serializer: TypeAlias = str | Callable[[Any], bytes]
"""A name from `SERIALIZERS` (in any case), or a callable from the value to its bytes;
`None` stays null and is not given to it.
"""

# Kafka's own forms of numbers: big endian, of this many bytes.
_LAYOUTS = {
    "SHORT": struct.Struct(">h"),
    "INT": struct.Struct(">i"),
    "LONG": struct.Struct(">q"),
    "FLOAT": struct.Struct(">f"),
    "DOUBLE": struct.Struct(">d"),
}


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


def _to_bytes(item: Any) -> bytes:
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    raise TypeError(f"bytes are expected, not {type(item).__name__}")


def _to_text(item: Any) -> bytes:
    if isinstance(item, str):
        return str.encode(item)
    raise TypeError(f"a str is expected, not {type(item).__name__}")


def _to_boolean(item: Any) -> bytes:
    if isinstance(item, bool):
        return b"\x01" if item else b"\x00"
    raise TypeError(f"a bool is expected, not {type(item).__name__}")


def _packing(layout: struct.Struct) -> Callable[[Any], bytes]:
    kind = "a float" if layout.format[-1] in "fd" else "an int"

    def encode(item: Any) -> bytes:
        try:
            return layout.pack(item)
        except (struct.error, OverflowError) as error:
            raise ValueError(
                f"{kind} that fits {layout.size} bytes is expected"
            ) from error

    return encode


def _to_json(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def _from_boolean(data: bytes) -> bool:
    if data not in (b"\x00", b"\x01"):
        raise ValueError("a single byte 0 or 1 is expected")
    return data == b"\x01"


def _from_text(data: bytes) -> str:
    return data.decode()


def _fixed(layout: struct.Struct) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        if len(data) != layout.size:
            raise ValueError(
                f"{layout.size} bytes are expected (Kafka's binary form, not text), "
                f"{len(data)} found"
            )
        return layout.unpack(data)[0]

    return decode


SERIALIZERS: dict[str, Callable[[Any], bytes]] = {
    "STRING": _to_text,
    "BINARY": _to_bytes,
    "BYTES": _to_bytes,
    **{name: _packing(layout) for name, layout in _LAYOUTS.items()},
    "BOOLEAN": _to_boolean,
    "UUID": lambda item: str(uuid.UUID(str(item))).encode(),
    "JSON": _to_json,
}
"""By name: the formats of Kafka's own serializers (numbers big endian), UTF-8 text, and
JSON.
"""

DESERIALIZERS: dict[str, Callable[[bytes], Any]] = {
    "STRING": _from_text,
    "BINARY": bytes,
    "BYTES": bytes,
    **{name: _fixed(layout) for name, layout in _LAYOUTS.items()},
    "BOOLEAN": _from_boolean,
    "UUID": lambda data: uuid.UUID(data.decode()),
    "JSON": json.loads,
}
"""By name: what `SERIALIZERS` of the same name wrote."""


ARROW_TYPES = {
    "STRING": "string",
    "BINARY": "binary",
    "BYTES": "binary",
    "SHORT": "int16",
    "INT": "int32",
    "LONG": "int64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "UUID": "string",
}
"""Arrow's names for the types of columns that `DESERIALIZERS` of these names give."""


def deserializer(of: Deserializer, field: str) -> tuple[str, Callable[[bytes], Any]]:
    """The name and the function of a deserializer.

    Raises:
        TypeError, ValueError: neither a known name nor a callable.
    """
    return _known(of, f"{field}_deserializer", DESERIALIZERS, "bytes")


def serializer(of: Serializer, field: str) -> tuple[str, Callable[[Any], bytes]]:
    """The name and the function of a serializer.

    Raises:
        TypeError, ValueError: neither a known name nor a callable.
    """
    return _known(of, f"{field}_serializer", SERIALIZERS, "the item")


def _known(
    of: str | Callable[[Any], Any],
    argument: str,
    registry: dict[str, Callable[[Any], Any]],
    taken: str,
) -> tuple[str, Callable[[Any], Any]]:
    if callable(of):
        return getattr(of, "__name__", repr(of)), of
    if not isinstance(of, str):
        raise TypeError(
            f"{argument} must be a name or a callable, not {type(of).__name__}"
        )
    function = registry.get(of.upper())
    if function is None:
        raise ValueError(
            f"{argument}={of!r} is not known; give one of {', '.join(registry)}, or a "
            f"callable that takes {taken}"
        )
    return of.upper(), function


def encode_column(
    items: Sequence[Any], first: int, field: str, of: Serializer | None
) -> pa.Array:
    """The items as a binary column, by `of`, else by the rules of `encode`.

    Args:
        items: keys or values.
        first: the first one's place among the messages of the call, for the error.
        field: `"key"` or `"value"`, for the error.

    Raises:
        SerializationError: names the first message that can't be serialized.
    """
    import pyarrow as pa

    if of is None:
        try:
            # Arrow itself takes str, bytes and None, without a Python step per item
            return pa.array(items, pa.binary())
        except (pa.ArrowException, TypeError, UnicodeEncodeError):
            name, function = "text", encode
    else:
        name, function = serializer(of, field)  # type: ignore[assignment]
    encoded: list[bytes | None] = []
    for index, item in enumerate(items, first):
        try:
            encoded.append(None if item is None else _bytes_of(function(item)))
        except SerializationError as error:
            raise SerializationError(
                f"The {field} of message {index}: {error}"
            ) from error
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise SerializationError(
                f"The {field} of message {index} can't be serialized as {name}: "
                f"{reason}. It is {_shown(item)}."
            ) from error
    return pa.array(encoded, pa.binary())


def _bytes_of(data: Any) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    raise TypeError(f"the serializer gave a {type(data).__name__}, not bytes")


def _shown(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 60 else text[:57] + "..."


def decode_column(
    table: pa.Table, topic: str, field: str, of: Deserializer
) -> list[Any]:
    """The values of column `field` of a table of `records.read_schema()`, in its order.

    Raises:
        DeserializationError: names the first record that does not decode.
    """
    import pyarrow as pa

    name, function = deserializer(of, field)
    column = table.column(field)
    if function is bytes:
        return list(column.to_pylist())
    if function is _from_text:
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
            raise undecodable(table, row, topic, field, name, reason) from error
    return values


def undecodable(
    table: pa.Table, row: int, topic: str, field: str, name: str, reason: str
) -> DeserializationError:
    """The error for a row of a table of `records.read_schema()`."""
    partition, offset, data = (
        table.column(column)[row].as_py() for column in ("partition", "offset", field)
    )
    return DeserializationError(topic, partition, offset, field, name, data, reason)
