"""Encoding and decoding: the rules that hold for both clients."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.encode import BATCH_MESSAGES, batches
from spark_kafka_testkit._arrow.schema import read_schema
from spark_kafka_testkit.errors import DeserializationError, SerializationError
from spark_kafka_testkit.serde import DESERIALIZERS, deserializer, encode

Row = tuple[int, int, int, bytes | None, bytes | None]


def table(*rows: Row) -> pa.Table:
    """A table of records: partition, offset, timestamp, key, value."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    partition, offset, timestamp, key, value = columns
    none = [0] * len(rows)
    headers: list[list[Any]] = [[] for _ in rows]
    arrays = [partition, offset, timestamp, none, key, value, headers]
    return pa.table(
        [pa.array(a, f.type) for a, f in zip(arrays, read_schema(), strict=True)],
        schema=read_schema(),
    )


@pytest.mark.parametrize(
    ("item", "data"),
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
def test_encoding(item: Any, data: bytes | None) -> None:
    """None stays null, bytes pass, a str is UTF-8, anything else is its str()."""
    assert encode(item) == data


def test_text_that_utf8_can_not_hold_is_refused() -> None:
    """A lone surrogate is a clear error."""
    with pytest.raises(SerializationError) as caught:
        encode("\ud800")
    assert str(caught.value) == (
        "'\\ud800' can't be encoded as UTF-8: 'utf-8' codec can't encode character "
        "'\\ud800' in position 0: surrogates not allowed"
    )


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_batches_hold_all_messages_in_order(kind: Callable[[Any], Any]) -> None:
    """Several batches, nulls and empties told apart, types mixed in a column."""
    messages = [(n, str(n)) for n in range(BATCH_MESSAGES)] + [(None, ""), (b"", None)]
    found = pa.Table.from_batches(list(batches(kind(messages))))
    assert [(row["key"], row["value"]) for row in found.to_pylist()] == [
        (encode(key), encode(value)) for key, value in messages
    ]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (
            "ab",
            "messages must be a list of (key, value) pairs or Records, or a table, not str",
        ),
        (
            b"ab",
            "messages must be a list of (key, value) pairs or Records, or a table, not bytes",
        ),
        (
            {"k": "v"},
            "messages must be a list of (key, value) pairs or Records, or a table, not dict (give its items())",
        ),
        (
            ["ab"],
            "messages must be (key, value) pairs or Records; message 0 is 'ab'. "
            "For a value without a key send (None, value).",
        ),
        (
            [("k", "v"), ("k", "v", "x")],
            "messages must be (key, value) pairs or Records; message 1 is ('k', 'v', 'x'). "
            "For a value without a key send (None, value).",
        ),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(messages: Any, text: str) -> None:
    """The first message that is wrong is named, before a batch is made."""
    with pytest.raises(TypeError) as caught:
        next(batches(messages))
    assert str(caught.value) == text


def test_a_generators_wrong_message_is_named_by_its_place() -> None:
    """The count goes on over batches."""
    messages = ((n, n) if n != BATCH_MESSAGES + 5 else n for n in range(30_000))
    with pytest.raises(TypeError, match=f"message {BATCH_MESSAGES + 5} is "):
        list(batches(messages))


@pytest.mark.parametrize(
    ("name", "data", "value"),
    [
        ("STRING", "é".encode(), "é"),
        ("string", b"a", "a"),
        ("BINARY", b"\xff", b"\xff"),
        ("BYTES", b"\xff", b"\xff"),
        ("SHORT", b"\xff\xfe", -2),
        ("INT", b"\x00\x00\x01\x00", 256),
        ("LONG", (-1).to_bytes(8, "big", signed=True), -1),
        ("FLOAT", b"\x3f\x80\x00\x00", 1.0),
        ("DOUBLE", b"\x3f\xf0" + b"\x00" * 6, 1.0),
        ("BOOLEAN", b"\x01", True),
        ("UUID", b"12345678-1234-5678-1234-567812345678", uuid.UUID(int=0x1234567812345678 * (2**64 + 1))),
        ("JSON", b'{"a": [1]}', {"a": [1]}),
    ],
)  # fmt: skip
def test_named_deserializers(name: str, data: bytes, value: Any) -> None:
    """Each name gives what Kafka's own deserializer of that name gives."""
    assert Decoder("t", "STRING", name).latest([table((0, 0, 0, b"k", data))]) == {
        "k": value
    }


@pytest.mark.parametrize("name", sorted(DESERIALIZERS))
def test_null_is_none_for_every_deserializer(name: str) -> None:
    """A tombstone is not given to the function."""
    assert Decoder("t", "STRING", name).latest([table((0, 0, 0, b"k", None))]) == {
        "k": None
    }


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("STRING", b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("INT", b"42", "4 bytes are expected (Kafka's binary form, not text), 2 found"),
        ("BOOLEAN", b"\x02", "a single byte 0 or 1 is expected"),
        ("UUID", b"x", "badly formed hexadecimal UUID string"),
        ("JSON", b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)  # fmt: skip
def test_bytes_that_do_not_decode_name_their_record(
    name: str, data: bytes, reason: str
) -> None:
    """Topic, partition, offset, what was seen, what to do."""
    records = table((0, 0, 0, b"k", b"\x00" * 4), (2, 7, 0, b"k", data))
    if name != "INT":
        records = records.slice(1)
    with pytest.raises(DeserializationError) as caught:
        Decoder("orders", "STRING", name).latest([records])
    assert str(caught.value) == (
        f"The value of topic 'orders', partition 2, offset 7 does not decode as {name}: "
        f"{reason}. It is {data!r}. Give another value_deserializer."
    )
    assert (caught.value.partition, caught.value.offset) == (2, 7)


def test_a_callable_is_a_deserializer() -> None:
    """It gets the bytes; what it raises names the record, and is the cause."""
    records = table((0, 3, 0, b"k", b"12"))
    assert Decoder("t", "STRING", int).latest([records]) == {"k": 12}
    with pytest.raises(
        DeserializationError, match="does not decode as loads"
    ) as caught:
        Decoder("t", "STRING", json.loads).latest([table((0, 3, 0, b"k", b"["))])
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


@pytest.mark.parametrize(
    ("of", "kind", "text"),
    [
        (
            "AVRO",
            ValueError,
            "value_deserializer='AVRO' is not known; give one of STRING, BINARY, BYTES, "
            "SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON, "
            "or a callable that takes bytes",
        ),
        (7, TypeError, "value_deserializer must be a name or a callable, not int"),
    ],
)
def test_an_unknown_deserializer_is_refused(
    of: Any, kind: type[Exception], text: str
) -> None:
    """The valid names are listed."""
    with pytest.raises(kind) as caught:
        deserializer(of, "value")
    assert str(caught.value) == text


def test_the_highest_offset_of_a_key_wins() -> None:
    """In one partition later is higher, whatever the timestamps say."""
    records = table(
        (0, 0, 9, b"k", b"old"), (0, 5, 1, b"k", b"new"), (0, 6, 1, None, b"n")
    )
    assert Decoder("t", "STRING", "STRING").latest([records]) == {"k": "new", None: "n"}


def test_a_key_in_several_partitions_goes_by_timestamp_then_partition() -> None:
    """Offsets of different partitions do not compare."""
    records = table(
        (1, 0, 50, b"by time", b"newer"),
        (0, 9, 40, b"by time", b"older"),
        (0, 10, 60, b"same time", b"partition 0"),
        (1, 1, 60, b"same time", b"partition 1"),
        (0, 11, 99, b"last counts", b"overwritten"),
        (0, 12, 10, b"last counts", b"offset wins in its partition"),
        (2, 0, 20, b"last counts", b"latest"),
    )
    assert Decoder("t", "STRING", "STRING").latest([records]) == {
        "by time": "newer",
        "same time": "partition 1",
        "last counts": "latest",
    }


def test_the_latest_value_does_not_depend_on_how_records_come_in_batches() -> None:
    """Neither within a partition nor between them."""
    records = table(
        (0, 0, 90, b"a", b"first"),
        (1, 0, 50, b"b", b"newer"),
        (0, 1, 10, b"a", b"second"),
        (0, 2, 40, b"b", b"older"),
        (1, 1, 20, b"a", b"third"),
    )
    rows = [records.slice(row, 1) for row in range(5)]
    for parts in ([records], rows, [records.slice(0, 2), records.slice(2)]):
        found = Decoder("t", "STRING", "STRING").latest(parts)
        assert found == {"a": "third", "b": "newer"}


def test_a_key_that_can_not_be_a_dicts_key_is_named() -> None:
    """JSON objects as keys do not fit into a dict."""
    with pytest.raises(DeserializationError) as caught:
        Decoder("t", "JSON", "STRING").latest([table((0, 4, 0, b"{}", b"v"))])
    assert str(caught.value) == (
        "The key of topic 't', partition 0, offset 4 does not decode as JSON: it gives a "
        "dict, which can't be a dict's key. It is b'{}'. Give another key_deserializer."
    )


def test_an_empty_table_is_an_empty_dict() -> None:
    """No records, no keys."""
    assert Decoder("t", "STRING", "STRING").latest([read_schema().empty_table()]) == {}
