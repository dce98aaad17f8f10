"""How keys and values become bytes, and how bytes become values again.

One registry of names serves both directions.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import uuid
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

from spark_kafka_testkit.errors import SerializationError

__all__ = [
    "ARROW_TYPES",
    "DESERIALIZERS",
    "SERIALIZERS",
    "Deserializer",
    "Serializer",
    "deserializer",
    "encode",
    "encode_value",
    "is_structured",
    "serializer",
]

Deserializer: TypeAlias = str | Callable[[bytes], Any]
"""A name from `DESERIALIZERS` (in any case), or a callable from the bytes to the value.

The callable is not called for null, which stays `None`.
"""

Serializer: TypeAlias = str | Callable[[Any], bytes]
"""A name from `SERIALIZERS` (in any case), or a callable from the value to its bytes.

The callable is not called for `None`, which stays null.
"""

# Kafka's own number formats: big endian, with this many bytes.
_LAYOUTS = {
    "SHORT": struct.Struct(">h"),
    "INT": struct.Struct(">i"),
    "LONG": struct.Struct(">q"),
    "FLOAT": struct.Struct(">f"),
    "DOUBLE": struct.Struct(">d"),
}


def encode(item: Any) -> bytes | None:
    """A key or value as bytes.

    `None` stays null, bytes stay as they are, a str becomes UTF-8, and anything else
    becomes `str(item)` in UTF-8.

    Raises:
        SerializationError: a str that UTF-8 can't hold (a lone surrogate), or an object
            whose `str()` fails.
    """
    if item is None or isinstance(item, bytes):
        return item
    if isinstance(item, (bytearray, memoryview)):
        return bytes(item)
    try:
        text = item if isinstance(item, str) else str(item)
    except Exception as error:
        raise SerializationError(
            f"str() of a {type(item).__name__} raises {type(error).__name__}: {error}"
        ) from error
    try:
        return str.encode(text)
    except UnicodeEncodeError as error:
        raise SerializationError(
            f"{text!r} can't be encoded as UTF-8: {error}"
        ) from error


def encode_value(item: Any) -> bytes | None:
    """A value as bytes: JSON if it has parts (`is_structured`), else as in `encode`.

    In JSON, a `Row`, a dataclass, a named tuple and a pydantic model become objects.
    Dates and times are ISO 8601, a `Decimal` and a `UUID` are text, an `Enum` is its
    value, and a NumPy number is a number.

    Raises:
        SerializationError: as for `encode`.
        TypeError, ValueError: something in it can't be expressed in JSON.
    """
    return _to_json(item) if is_structured(item) else encode(item)


def is_structured(item: Any) -> bool:
    """Whether it is a value with parts.

    That is a dict, a list, a tuple (such as Spark's `Row`), a dataclass or a pydantic
    model.
    """
    if isinstance(item, (str, bytes, int, float)):
        return False
    return isinstance(item, (Mapping, list, tuple)) or (
        not isinstance(item, type)
        and (dataclasses.is_dataclass(item) or hasattr(item, "model_dump_json"))
    )


def _plain(value: Any) -> Any:
    """The value in types that JSON has. Anything else stays, for json to refuse."""
    if value is None or isinstance(value, (str, int, float)):
        return value.value if isinstance(value, Enum) else value
    fields = _fields(value)
    if fields is not None:
        return {name: _plain(part) for name, part in fields.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, (Decimal, uuid.UUID)):
        return str(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """The named parts of a value, or None if it has none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple):
        # Spark's Row and named tuples
        names = getattr(value, "__fields__", None) or getattr(value, "_fields", None)
        return dict(zip(names, value, strict=True)) if names else None
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: getattr(value, name) for name in names}
    if hasattr(value, "model_dump"):
        dumped: Mapping[Any, Any] = value.model_dump(mode="json")
        return dumped
    return None


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"expected bytes, not {type(value).__name__}")


def _to_text(value: Any) -> bytes:
    if isinstance(value, str):
        return str.encode(value)
    raise TypeError(f"expected a str, not {type(value).__name__}")


def _to_boolean(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x01" if value else b"\x00"
    raise TypeError(f"expected a bool, not {type(value).__name__}")


def _packing(layout: struct.Struct) -> Callable[[Any], bytes]:
    expected = "a float" if layout.format[-1] in "fd" else "an int"

    def encode(value: Any) -> bytes:
        try:
            return layout.pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(
                f"expected {expected} that fits {layout.size} bytes"
            ) from error

    return encode


def _to_json(value: Any) -> bytes:
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def _from_boolean(data: bytes) -> bool:
    if data not in (b"\x00", b"\x01"):
        raise ValueError("expected a single byte 0 or 1")
    return data == b"\x01"


def _from_text(data: bytes) -> str:
    return data.decode()


def _fixed(layout: struct.Struct) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        if len(data) != layout.size:
            raise ValueError(
                f"expected {layout.size} bytes (Kafka's binary form, not text), got "
                f"{len(data)}"
            )
        return layout.unpack(data)[0]

    return decode


SERIALIZERS: dict[str, Callable[[Any], bytes]] = {
    "STRING": _to_text,
    "BINARY": _to_bytes,
    "BYTES": _to_bytes,
    **{name: _packing(layout) for name, layout in _LAYOUTS.items()},
    "BOOLEAN": _to_boolean,
    "UUID": lambda value: str(uuid.UUID(str(value))).encode(),
    "JSON": _to_json,
}
"""The serializers by name.

They write the formats of Kafka's own serializers (big-endian numbers), UTF-8 text and
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
"""The deserializers by name. Each reads what the serializer of that name writes."""


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
"""Arrow's names for the column types that these `DESERIALIZERS` produce."""


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
    chosen: str | Callable[[Any], Any],
    argument: str,
    registry: dict[str, Callable[[Any], Any]],
    taken: str,
) -> tuple[str, Callable[[Any], Any]]:
    if callable(chosen):
        return getattr(chosen, "__name__", repr(chosen)), chosen
    if not isinstance(chosen, str):
        raise TypeError(
            f"{argument} must be a name or a callable, not {type(chosen).__name__}"
        )
    function = registry.get(chosen.upper())
    if function is None:
        raise ValueError(
            f"Unknown {argument} {chosen!r}. Choose one of: {', '.join(registry)}, "
            f"or give a callable that takes {taken}."
        )
    return chosen.upper(), function
