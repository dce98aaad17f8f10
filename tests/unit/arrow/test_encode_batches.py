"""Batches of messages: their sizes, their order, and columns of mixed types."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pytest

from spark_kafka_testkit._arrow.encode import BATCH_BYTES, BATCH_MESSAGES, batches
from spark_kafka_testkit._arrow.schema import send_schema
from spark_kafka_testkit.serde import encode

Pair = namedtuple("Pair", ["key", "value"])


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
@pytest.mark.parametrize("iterable", [list, tuple, iter])
def test_a_batch_is_full_before_the_next_begins(
    iterable: Callable[[Any], Any], count: int, sizes: list[int]
) -> None:
    """Only the last one is smaller, and none is empty."""
    sent = list(batches(iterable([(b"k", b"v")] * count)))
    assert [batch.num_rows for batch in sent] == sizes


def test_batches_have_the_schema_that_clients_expect() -> None:
    """They have it where a column holds nothing but nulls, too."""
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
    """It may be a tuple, a list or a named tuple; a Row of Spark is one."""
    (batch,) = batches([pair])
    assert batch.select(["key", "value"]).to_pylist() == [{"key": b"k", "value": b"v"}]


def test_a_wrong_message_past_the_first_batch_is_named_by_its_place() -> None:
    """A generator's messages are counted over its batches."""
    wrong = BATCH_MESSAGES + 5
    reader = batches(("k", "v") if n != wrong else n for n in range(wrong + 1))
    assert next(reader).num_rows == BATCH_MESSAGES
    with pytest.raises(TypeError) as caught:
        next(reader)
    assert str(caught.value) == (
        "messages must be (key, value) pairs or Records, but message 16389 is 16389. "
        "For a value without a key, send (None, value)."
    )


def test_a_wrong_message_of_a_list_is_reported_before_any_batch() -> None:
    """The call itself raises, so nothing of the list is sent."""
    messages: list[Any] = [("k", "v")] * BATCH_MESSAGES + [None]
    with pytest.raises(TypeError) as caught:
        batches(messages)
    assert str(caught.value) == (
        "messages must be (key, value) pairs or Records, but message 16384 is None. "
        "For a value without a key, send (None, value)."
    )


def test_a_long_wrong_message_is_cut() -> None:
    """Sixty characters of it are shown."""
    with pytest.raises(TypeError) as caught:
        batches(["x" * 100])
    assert str(caught.value) == (
        "messages must be (key, value) pairs or Records, but message 0 is "
        f"'{'x' * 56}.... For a value without a key, send (None, value)."
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
    """The refusal of a dict advises it."""
    sent = pa.Table.from_batches(batches({"k": "v"}.items()))
    assert sent.select(["key", "value"]).to_pylist() == [{"key": b"k", "value": b"v"}]


@pytest.mark.parametrize("iterable", [list, tuple, iter, "table"])
@pytest.mark.parametrize("small", [b"x", None])
def test_batches_are_bounded_in_bytes(iterable: Any, small: bytes | None) -> None:
    """Large messages come few at a time: memory is bounded, here and in the JVM."""
    megabyte = 1 << 20
    messages = [("k", bytes(megabyte)) for _ in range(70)] + [("k", small)] * 70
    given: Any = (
        pa.table({"value": [value for _, value in messages]})
        if iterable == "table"
        else iterable(messages)
    )
    sent = list(batches(given))
    assert sum(batch.num_rows for batch in sent) == 140
    assert max(batch.nbytes for batch in sent) <= BATCH_BYTES + 32 * megabyte
    assert len(sent) >= 2


def test_a_generator_of_large_messages_is_drawn_as_they_are_taken() -> None:
    """No more than a batch is drawn ahead."""
    drawn = []

    def messages() -> Iterable[tuple[None, bytes]]:
        for number in range(200):
            drawn.append(number)
            yield None, bytes(1 << 20)

    next(batches(messages()))
    assert len(drawn) <= 64


@pytest.mark.parametrize("iterable", [list, tuple, iter])
def test_batches_hold_all_messages_in_order(iterable: Callable[[Any], Any]) -> None:
    """There are several batches, nulls and empties are told apart, and types are mixed
    in a column.
    """
    messages = [(n, str(n)) for n in range(BATCH_MESSAGES)] + [(None, ""), (b"", None)]
    sent = pa.Table.from_batches(list(batches(iterable(messages))))
    assert [(row["key"], row["value"]) for row in sent.to_pylist()] == [
        (encode(key), encode(value)) for key, value in messages
    ]


def test_a_generators_wrong_message_is_named_by_its_place() -> None:
    """The count goes on over batches."""
    messages = ((n, n) if n != BATCH_MESSAGES + 5 else n for n in range(30_000))
    with pytest.raises(TypeError, match=f"message {BATCH_MESSAGES + 5} is "):
        list(batches(messages))
