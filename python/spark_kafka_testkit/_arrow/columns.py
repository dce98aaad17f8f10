"""Encode keys and values into a binary column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
            # Arrow converts str, bytes and None itself, without a Python step for each
            return pa.array(values, pa.binary())
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
    return pa.array(encoded, pa.binary())


def _bytes_of(data: Any) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    raise TypeError(f"the serializer returned a {type(data).__name__}, not bytes")
