"""The registry of serializers and deserializers: the same names for both ways."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import Row as SparkRow

from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit.errors import SerializationError
from spark_kafka_testkit.serde import (
    ARROW_TYPES,
    DESERIALIZERS,
    SERIALIZERS,
    deserializer,
    encode,
    encode_value,
    is_structured,
    serializer,
)

SINGLE = st.floats(width=32, allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
    max_leaves=10,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": st.text(),
    "BINARY": st.binary(),
    "BYTES": st.binary(),
    "SHORT": st.integers(-(2**15), 2**15 - 1),
    "INT": st.integers(-(2**31), 2**31 - 1),
    "LONG": st.integers(-(2**63), 2**63 - 1),
    "FLOAT": SINGLE,
    "DOUBLE": st.floats(allow_nan=False),
    "BOOLEAN": st.booleans(),
    "UUID": st.uuids(),
    "JSON": JSON,
}


def test_every_name_goes_both_ways() -> None:
    """Each has a type in Arrow, but for JSON, which has many."""
    assert set(SERIALIZERS) == set(DESERIALIZERS) == set(VALUES)
    assert set(ARROW_TYPES) == set(VALUES) - {"JSON"}


@pytest.mark.parametrize("name", SERIALIZERS)
@given(data=st.data())
def test_what_was_serialized_is_deserialized(name: str, data: st.DataObject) -> None:
    """The value is exactly the same."""
    value = data.draw(VALUES[name].filter(_is_utf8))
    assert DESERIALIZERS[name](SERIALIZERS[name](value)) == value


def _is_utf8(value: Any) -> bool:
    try:
        str(value).encode()
        repr(value).encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("STRING", "é", b"\xc3\xa9"),
        ("BINARY", bytearray(b"\xff"), b"\xff"),
        ("BYTES", memoryview(b"ab"), b"ab"),
        ("SHORT", -2, b"\xff\xfe"),
        ("INT", 1, b"\0\0\0\1"),
        ("LONG", 1, b"\0\0\0\0\0\0\0\1"),
        ("FLOAT", 1.0, b"\x3f\x80\0\0"),
        ("DOUBLE", math.inf, b"\x7f\xf0\0\0\0\0\0\0"),
        ("BOOLEAN", True, b"\1"),
        ("BOOLEAN", False, b"\0"),
        ("UUID", uuid.UUID(int=1), b"00000000-0000-0000-0000-000000000001"),
        (
            "UUID",
            "00000000000000000000000000000001",
            b"00000000-0000-0000-0000-000000000001",
        ),
        ("JSON", {"é": [1, None, True]}, '{"é":[1,null,true]}'.encode()),
    ],
)
def test_the_forms_are_those_of_kafkas_own_serializers(
    name: str, value: Any, data: bytes
) -> None:
    """Numbers are big endian, and UUIDs are text."""
    assert SERIALIZERS[name](value) == data


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("STRING", b"x", "expected a str, not bytes"),
        ("STRING", 5, "expected a str, not int"),
        ("BINARY", "x", "expected bytes, not str"),
        ("BYTES", 5, "expected bytes, not int"),
        ("SHORT", 2**15, "expected an int that fits 2 bytes"),
        ("INT", "5", "expected an int that fits 4 bytes"),
        ("LONG", 1.0, "expected an int that fits 8 bytes"),
        ("FLOAT", 1e40, "expected a float that fits 4 bytes"),
        ("DOUBLE", "5", "expected a float that fits 8 bytes"),
        ("BOOLEAN", 1, "expected a bool, not int"),
        ("UUID", "x", "badly formed hexadecimal UUID string"),
        ("JSON", {1}, "Object of type set is not JSON serializable"),
    ],
)
def test_a_value_of_another_kind_is_refused(name: str, value: Any, reason: str) -> None:
    """A serializer guesses nothing."""
    with pytest.raises(SerializationError) as caught:
        batches([("a", None), ("b", value)], value_serializer=name).read_all()
    assert str(caught.value) == (
        f"The value of message 1 can't be serialized as {name}: {reason}. "
        f"It is {value!r}."
    )


def test_the_error_of_an_unknown_name_lists_the_known_ones() -> None:
    """It has the argument's name, and what a callable takes."""
    names = (
        "STRING, BINARY, BYTES, SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON"
    )
    with pytest.raises(ValueError, match="AVRO") as caught:
        serializer("AVRO", "key")
    assert str(caught.value) == (
        f"Unknown key_serializer 'AVRO'. Choose one of: {names}, or give a callable "
        "that takes the item."
    )
    with pytest.raises(ValueError, match="AVRO") as caught:
        deserializer("AVRO", "value")
    assert str(caught.value) == (
        f"Unknown value_deserializer 'AVRO'. Choose one of: {names}, or give a "
        "callable that takes bytes."
    )


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, None),
        (b"", b""),
        (b"\xff", b"\xff"),
        (bytearray(b"ab"), b"ab"),
        ("", b""),
        ("é🎉", "é🎉".encode()),
        (7, b"7"),
        (1.5, b"1.5"),
        (True, b"True"),
        ([1, None], b"[1, None]"),
    ],
)
def test_an_item_is_encoded_as_its_bytes_or_its_text(
    value: Any, data: bytes | None
) -> None:
    """None stays null, bytes pass, a str is UTF-8, anything else is its str()."""
    assert encode(value) == data


class Colour(Enum):
    RED = "red"


class Level(int, Enum):
    HIGH = 3


@dataclass
class Line:
    article: str
    price: Decimal


class Point(NamedTuple):
    x: int
    y: float


class Model:
    """As pydantic's."""

    def model_dump(self, mode: str) -> dict[str, str]:
        return {"mode": mode}

    def model_dump_json(self) -> str:
        return "not asked"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, None),
        (b"{}", b"{}"),
        ("[1]", b"[1]"),
        (7, b"7"),
        (Colour.RED, b"Colour.RED"),
        (Decimal("1.50"), b"1.50"),
        ({"é": 1, "b": [True, None, 1.5]}, '{"é":1,"b":[true,null,1.5]}'.encode()),
        ([], b"[]"),
        ((1, "a"), b'[1,"a"]'),
        (Line("nut", Decimal("1.50")), b'{"article":"nut","price":"1.50"}'),
        (
            {"lines": [Line("nut", Decimal(2))]},
            b'{"lines":[{"article":"nut","price":"2"}]}',
        ),
        (Point(1, 2.0), b'{"x":1,"y":2.0}'),
        (Model(), b'{"mode":"json"}'),
        (SparkRow(a=1, b=SparkRow(c=None)), b'{"a":1,"b":{"c":null}}'),
        (SparkRow("a", "b"), b'["a","b"]'),
        (
            {
                "at": datetime(2026, 1, 1, 9, 5, tzinfo=timezone.utc),
                "day": date(2026, 1, 2),
            },
            b'{"at":"2026-01-01T09:05:00+00:00","day":"2026-01-02"}',
        ),
        (
            {"id": uuid.UUID(int=1), "c": Colour.RED, "l": Level.HIGH},
            b'{"id":"00000000-0000-0000-0000-000000000001","c":"red","l":3}',
        ),
        ({"n": np.int64(7), "f": np.float32(0.5)}, b'{"n":7,"f":0.5}'),
    ],
)
def test_a_value_with_parts_is_json(value: Any, data: bytes | None) -> None:
    """All else is as by encode(); the serializer JSON gives the same for what has
    parts.
    """
    assert encode_value(value) == data
    if is_structured(value):
        assert SERIALIZERS["JSON"](value) == data


def test_a_value_that_json_can_not_hold_is_named() -> None:
    """With the message that has it."""
    with pytest.raises(SerializationError) as caught:
        batches([("a", {"n": 1}), ("b", {"n": {1}})]).read_all()
    assert str(caught.value) == (
        "The value of message 1 can't be serialized as JSON: Object of type set is not "
        "JSON serializable. It is {'n': {1}}."
    )


def test_parts_of_a_table_are_json() -> None:
    """Structs and lists; a key is text all the same."""
    table = pa.table({"key": ["a"], "value": [{"n": 1, "tags": ["x"]}]})
    sent = batches(table).read_all().to_pylist()
    assert sent[0]["value"] == b'{"n":1,"tags":["x"]}'
    (pair,) = batches([({"n": 1}, {"n": 1})]).read_all().to_pylist()
    assert (pair["key"], pair["value"]) == (b"{'n': 1}", b'{"n":1}')


def test_text_that_utf8_can_not_hold_is_refused() -> None:
    """A lone surrogate is a clear error."""
    with pytest.raises(SerializationError) as caught:
        encode("\ud800")
    assert str(caught.value) == (
        "'\\ud800' can't be encoded as UTF-8: 'utf-8' codec can't encode character "
        "'\\ud800' in position 0: surrogates not allowed"
    )


@pytest.mark.parametrize(
    ("name", "error_type", "text"),
    [
        (
            "AVRO",
            ValueError,
            "Unknown value_deserializer 'AVRO'. Choose one of: STRING, BINARY, BYTES, "
            "SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON, "
            "or give a callable that takes bytes.",
        ),
        (7, TypeError, "value_deserializer must be a name or a callable, not int"),
    ],
)
def test_an_unknown_deserializer_is_refused(
    name: Any, error_type: type[Exception], text: str
) -> None:
    """The valid names are listed."""
    with pytest.raises(error_type) as caught:
        deserializer(name, "value")
    assert str(caught.value) == text


@pytest.mark.parametrize("change", [str.lower, str.title, str.upper])
@pytest.mark.parametrize("name", sorted(DESERIALIZERS))
def test_a_name_is_known_in_any_case(name: str, change: Callable[[str], str]) -> None:
    """It is shown in capitals."""
    assert deserializer(change(name), "key") == (name, DESERIALIZERS[name])
