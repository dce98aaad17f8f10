"""Encode keys and values into a binary column."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from types import NoneType
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._text import shown
from spark_kafka_testkit.errors import SerializationError
from spark_kafka_testkit.serde import (
    Serializer,
    encode,
    encode_value,
    is_structured,
    serializer,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["encode_column"]

FEW = 1_000


def encode_column(
    values: Sequence[Any], first: int, field: str, chosen: Serializer | None
) -> pa.Array:
    """Encode keys or values into a binary column.

    Without a chosen serializer, the rules of `encode` and `encode_value` apply.

    Args:
        values: the keys or values.
        first: the index of the first one among the messages of the call, for the error.
        field: `"key"` or `"value"`, for the error.
        chosen: the serializer that the user has chosen, or None.

    Raises:
        SerializationError: names the first message that can't be serialized.
    """
    import pyarrow as pa

    if chosen is None:
        try:
            # str, bytes and None are converted in C, without a Python step for each
            return _binary_array(values)
        except (pa.ArrowException, TypeError, UnicodeEncodeError):
            name, function = "text", encode_value if field == "value" else encode
    else:
        name, function = serializer(chosen, field)  # type: ignore[assignment]
    encoded: list[bytes | None] = []
    for index, value in enumerate(values, first):
        try:
            encoded.append(None if value is None else _bytes_of(function(value)))
        except SerializationError as error:
            raise SerializationError(
                f"The {field} of message {index}: {error}"
            ) from error
        except Exception as error:
            reason = str(error) or type(error).__name__
            if chosen is None and is_structured(value):
                name = "JSON"
            raise SerializationError(
                f"The {field} of message {index} can't be serialized as {name}: "
                f"{reason}. It is {shown(value)}."
            ) from error
    return _binary_array(encoded)


def _binary_array(values: Sequence[Any]) -> pa.Array:
    """The same as `pa.array(values, pa.binary())`.

    That function imports pandas, which takes 0.3 s: longer than a whole first send. A
    few values are put together here, where it would not be faster anyway.
    """
    import pyarrow as pa

    if len(values) > FEW or not set(map(type, values)) <= {str, bytes, NoneType}:
        return pa.array(values, pa.binary())
    each = [value.encode() if isinstance(value, str) else value for value in values]
    ends = list(accumulate((len(data or b"") for data in each), initial=0))
    if ends[-1] > _arguments.INT_MAX:
        return pa.array(values, pa.binary())  # too much for one array
    valid = sum((data is not None) << place for place, data in enumerate(each))
    parts = (
        valid.to_bytes(-(-len(each) // 8), "little"),
        array("i", ends),
        b"".join(data for data in each if data is not None),
    )
    return pa.Array.from_buffers(pa.binary(), len(each), [*map(pa.py_buffer, parts)])


def _bytes_of(data: Any) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    raise TypeError(f"the serializer returned a {type(data).__name__}, not bytes")
