"""Batches of messages: their sizes, their order, and columns of mixed types."""

from __future__ import annotations

import enum
import uuid
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from spark_kafka_testkit._arrow.encode import BATCH_MESSAGES, batches
from spark_kafka_testkit._arrow.schema import send_schema
from spark_kafka_testkit.errors import SerializationError
from spark_kafka_testkit.serde import encode

Pair = namedtuple("Pair", ["key", "value"])


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


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, []),
        (1, [1]),
        (BATCH_MESSAGES - 1, [BATCH_MESSAGES - 1]),
        (BATCH_MESSAGES, [BATCH_MESSAGES]),
        (BATCH_MESSAGES + 1, [BATCH_MESSAGES, 1]),
        (2 * BATCH_MESSAGES, [BATCH_MESSAGES, BATCH_MESSAGES]),
    ],
)
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_a_batch_is_full_before_the_next_begins(
    kind: Callable[[Any], Any], count: int, sizes: list[int]
) -> None:
    """Only the last one is smaller, and none is empty."""
    found = list(batches(kind([(b"k", b"v")] * count)))
    assert [batch.num_rows for batch in found] == sizes


def test_batches_have_the_schema_that_clients_expect() -> None:
    """Also where a column holds nothing but nulls."""
    (batch,) = batches([(None, None)])
    assert batch.schema == send_schema(wide=False)
    (batch,) = batches(iter([(None, None)]))
    assert batch.schema == send_schema()


def test_a_generator_is_drawn_one_batch_at_a_time() -> None:
    """What is not sent yet needs no memory."""
    drawn: list[int] = []
    source = ((drawn.append(n), b"v") for n in range(3 * BATCH_MESSAGES))
    next(batches(source))
    assert len(drawn) == BATCH_MESSAGES


@pytest.mark.parametrize("pair", [("k", "v"), ["k", "v"], Pair("k", "v")])
def test_any_sequence_of_two_is_a_message(pair: Any) -> None:
    """A tuple, a list, a named tuple: a Row of Spark is one."""
    (batch,) = batches([pair])
    assert batch.select(["key", "value"]).to_pylist() == [{"key": b"k", "value": b"v"}]


def test_types_may_be_mixed_in_a_column() -> None:
    """Each item is encoded by its own rule, in its own place."""
    items = ["é", None, b"\xff", "", b"", 7, 1.5, True, bytearray(b"a"), Named()]
    assert values([(None, item) for item in items]) == [
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


@pytest.mark.parametrize(
    "item",
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
    ids=lambda item: type(item).__name__,
)
def test_an_item_is_encoded_the_same_whatever_is_beside_it(item: Any) -> None:
    """Arrow's own conversion and encode() give the same bytes."""
    (alone,) = values([(None, item)])
    beside_an_int, _ = values([(None, item), (None, 1)])
    assert (alone, beside_an_int) == (encode(item), encode(item))


@pytest.mark.parametrize("other", ["text", 1])
def test_text_that_utf8_can_not_hold_is_refused_in_a_batch(other: Any) -> None:
    """Beside other texts, and beside what is no text."""
    with pytest.raises(SerializationError) as caught:
        values([(None, other), (None, "a\udfff")])
    assert str(caught.value) == (
        "The value of message 1: 'a\\udfff' can't be encoded as UTF-8: 'utf-8' codec can't encode character "
        "'\\udfff' in position 1: surrogates not allowed"
    )


def test_a_wrong_message_past_the_first_batch_is_named_by_its_place() -> None:
    """A generator's messages are counted over its batches."""
    wrong = BATCH_MESSAGES + 5
    found = batches(("k", "v") if n != wrong else n for n in range(wrong + 1))
    assert next(found).num_rows == BATCH_MESSAGES
    with pytest.raises(TypeError) as caught:
        next(found)
    assert str(caught.value) == (
        "messages must be (key, value) pairs or Records; message 16389 is 16389. "
        "For a value without a key send (None, value)."
    )


def test_a_wrong_message_of_a_list_is_told_before_any_batch() -> None:
    """The call itself raises, so nothing of the list is sent."""
    messages: list[Any] = [("k", "v")] * BATCH_MESSAGES + [None]
    with pytest.raises(TypeError) as caught:
        batches(messages)
    assert str(caught.value) == (
        "messages must be (key, value) pairs or Records; message 16384 is None. "
        "For a value without a key send (None, value)."
    )


def test_a_long_wrong_message_is_cut() -> None:
    """Sixty characters of it are shown."""
    with pytest.raises(TypeError) as caught:
        batches(["x" * 100])
    assert str(caught.value) == (
        f"messages must be (key, value) pairs or Records; message 0 is '{'x' * 56}.... "
        "For a value without a key send (None, value)."
    )


@pytest.mark.parametrize("messages", [5, None, 1.5, object()])
def test_what_can_not_be_iterated_is_refused(messages: Any) -> None:
    """Its type is named."""
    with pytest.raises(TypeError) as caught:
        batches(messages)
    assert str(caught.value) == (
        f"messages must be a list of (key, value) pairs or Records, or a table, not {type(messages).__name__}"
    )


def test_a_view_of_items_is_taken() -> None:
    """What the refusal of a dict advises."""
    found = pa.Table.from_batches(batches({"k": "v"}.items()))
    assert found.select(["key", "value"]).to_pylist() == [{"key": b"k", "value": b"v"}]
