"""Columns of keys and values: types side by side, and what a serializer gives."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_kafka_testkit._arrow.columns import FEW, encode_column
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit.errors import SerializationError
from spark_kafka_testkit.serde import encode_value


class Named:
    """An object with a text of its own."""

    def __str__(self) -> str:
        return "named é"


class Colour(str, enum.Enum):
    """A str whose str() is not its content."""

    RED = "red"


def values(messages: Any) -> list[bytes | None]:
    """The value column of all batches."""
    columns = [batch.column("value").to_pylist() for batch in batches(messages)]
    return [value for column in columns for value in column]


def test_types_may_be_mixed_in_a_column() -> None:
    """Each item is encoded by its own rule, in its own place."""
    mixed = ["é", None, b"\xff", "", b"", 7, 1.5, True, bytearray(b"a"), Named()]
    assert values([(None, value) for value in mixed]) == [
        "é".encode(),
        None,
        b"\xff",
        b"",
        b"",
        b"7",
        b"1.5",
        b"True",
        b"a",
        "named é".encode(),
    ]


PLAIN = st.none() | st.binary() | st.text()


@given(st.lists(PLAIN))
@example([None] * 8)
@example(["é"] * (FEW + 1))
def test_a_column_is_what_arrow_makes_of_it(plain: list[bytes | str | None]) -> None:
    """A few values are put together without Arrow, which would import pandas."""
    column = encode_column(plain, 0, "value", None)
    column.validate(full=True)
    assert column.equals(pa.array(plain, pa.binary()))
    assert column.null_count == plain.count(None)


@pytest.mark.parametrize(
    "value",
    [
        "text",
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        7,
        1.5,
        float("nan"),
        True,
        None,
        Decimal("1.50"),
        uuid.UUID(int=5),
        [1, None],
        {"a": 1},
        Named(),
        pytest.param(
            Colour.RED,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_item_is_encoded_the_same_whatever_is_beside_it(value: Any) -> None:
    """Arrow's own conversion and encode_value() give the same bytes."""
    (alone,) = values([(None, value)])
    beside_an_int, _ = values([(None, value), (None, 1)])
    assert (alone, beside_an_int) == (encode_value(value), encode_value(value))


@pytest.mark.parametrize("other", ["text", 1])
def test_text_that_utf8_can_not_hold_is_refused_in_a_batch(other: Any) -> None:
    """It may stand beside other texts, or beside what is no text."""
    with pytest.raises(SerializationError) as caught:
        values([(None, other), (None, "a\udfff")])
    assert str(caught.value) == (
        "The value of message 1: 'a\\udfff' can't be encoded as UTF-8: 'utf-8' codec can't encode character "
        "'\\udfff' in position 1: surrogates not allowed"
    )


def test_a_callables_own_error_is_the_cause() -> None:
    """The text has the callable's name."""

    def to_avro(value: Any) -> bytes:
        raise LookupError

    with pytest.raises(SerializationError) as caught:
        batches([("a", 1)], value_serializer=to_avro).read_all()
    assert str(caught.value) == (
        "The value of message 0 can't be serialized as to_avro: LookupError. It is 1."
    )
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_callable_that_gives_no_bytes_is_refused() -> None:
    """Text would be guessed to be UTF-8; None is a null."""
    with pytest.raises(SerializationError) as caught:
        batches([("a", 1)], value_serializer=str).read_all()  # type: ignore[arg-type]
    assert str(caught.value) == (
        "The value of message 0 can't be serialized as str: the serializer returned a "
        "str, not bytes. It is 1."
    )
    encoded = batches([("a", 1)], value_serializer=lambda _: None)  # type: ignore[arg-type]
    assert encoded.read_all()["value"].to_pylist() == [None]
