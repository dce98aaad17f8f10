"""Decoding: names and callables, what does not fit them, and the latest value of each
key.
"""

from __future__ import annotations

import functools
import json
import math
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest

from spark_kafka_testkit import Record
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.schema import read_schema
from spark_kafka_testkit.errors import DeserializationError
from spark_kafka_testkit.serde import DESERIALIZERS, Deserializer

NOT_UTF8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"

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


def full_and_empty_record() -> pa.Table:
    """A record with everything, and one with nothing."""
    rows = [
        (1, 5, 1000, 1, b"k", b"v", [{"key": "h", "value": None}]),
        (1, 6, -1, -1, None, None, []),
    ]
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, read_schema(), strict=True)],
        schema=read_schema(),
    )


def one(key: bytes | None, value: bytes | None) -> pa.Table:
    """A table of one record, of partition 3 at offset 41."""
    return table((3, 41, 0, key, value))


def decode_column(
    table: pa.Table, topic: str, field: str, deserializer: Deserializer
) -> list[Any]:
    """The values of one column, decoded."""
    names = {"key_deserializer": "BINARY", "value_deserializer": "BINARY"}
    decoder = Decoder(topic, **{**names, f"{field}_deserializer": deserializer})
    return decoder.column(table, field)


def refuse(data: bytes) -> None:
    """A deserializer that takes nothing."""
    raise ValueError(f"no {data!r}")


def refuse_without_a_text(data: bytes) -> None:
    """As a bare assert does."""
    raise ValueError


def as_tuple_of_list(data: bytes) -> tuple[list[bytes]]:
    """A tuple, which has a __hash__ that fails."""
    return ([data],)


@pytest.mark.parametrize(
    ("name", "data", "value"),
    [
        ("SHORT", b"\x80\x00", -(2**15)),
        ("INT", b"\x7f\xff\xff\xff", 2**31 - 1),
        ("LONG", b"\x80" + b"\x00" * 7, -(2**63)),
        ("FLOAT", b"\x7f\x80\x00\x00", math.inf),
        ("DOUBLE", b"\x80" + b"\x00" * 7, -0.0),
        ("BOOLEAN", b"\x00", False),
        ("STRING", b"", ""),
        ("STRING", b"\xf0\x9f\x8e\x89", "🎉"),
        ("BINARY", b"", b""),
        ("JSON", b"null", None),
        ("JSON", '"é"'.encode(), "é"),
    ],
)
def test_the_ends_of_each_range_decode(name: str, data: bytes, value: Any) -> None:
    """repr tells -0.0 from 0.0, and False from 0."""
    decoded = decode_column(one(None, data), "t", "value", name)
    assert repr(decoded) == repr([value])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("STRING", b"\xff", NOT_UTF8),
        ("SHORT", b"\x01", "expected 2 bytes (Kafka's binary form, not text), got 1"),
        ("INT", b"", "expected 4 bytes (Kafka's binary form, not text), got 0"),
        ("LONG", b"\x00" * 4, "expected 8 bytes (Kafka's binary form, not text), got 4"),
        ("FLOAT", b"\x00" * 8, "expected 4 bytes (Kafka's binary form, not text), got 8"),
        ("DOUBLE", b"1.5", "expected 8 bytes (Kafka's binary form, not text), got 3"),
        ("BOOLEAN", b"", "expected a single byte 0 or 1"),
        ("BOOLEAN", b"true", "expected a single byte 0 or 1"),
        ("UUID", b"\xff", NOT_UTF8),
        ("JSON", b"", "Expecting value: line 1 column 1 (char 0)"),
        ("JSON", b"\xff\xff", NOT_UTF8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["key", "value"])
def test_bytes_that_do_not_decode_are_shown(
    field: str, name: str, data: bytes, reason: str
) -> None:
    """They may be a key or a value, and the other deserializer is not blamed."""
    records = one(data, b"") if field == "key" else one(b"", data)
    with pytest.raises(DeserializationError) as caught:
        decode_column(records, "orders", field, name)
    assert str(caught.value) == (
        f"The {field} of topic 'orders', partition 3, offset 41 does not decode as "
        f"{name}: {reason}. It is {data!r}. Give another {field}_deserializer."
    )


def test_an_error_of_decoding_carries_its_record() -> None:
    """A test may look into it."""
    with pytest.raises(DeserializationError) as caught:
        decode_column(one(b"", b"x" * 100), "orders", "value", "INT")
    error = caught.value
    assert (error.topic, error.partition, error.offset) == ("orders", 3, 41)
    assert (error.field, error.data) == ("value", b"x" * 100)


def test_long_bytes_are_cut() -> None:
    """Forty of them are shown."""
    with pytest.raises(DeserializationError) as caught:
        decode_column(one(b"", b"x" * 41), "t", "value", "INT")
    assert str(caught.value) == (
        "The value of topic 't', partition 3, offset 41 does not decode as INT: "
        "expected 4 bytes (Kafka's binary form, not text), got 41. It is "
        f"b'{'x' * 40}...'. Give another value_deserializer."
    )


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (refuse, "refuse"),
        (functools.partial(refuse), repr(functools.partial(refuse))),
    ],
    ids=["function", "partial"],
)
def test_what_a_callable_raises_names_the_record(
    function: Callable[[bytes], Any], name: str
) -> None:
    """It has the callable's name, or its repr where it has none."""
    with pytest.raises(DeserializationError) as caught:
        decode_column(one(None, b"12"), "t", "value", function)
    assert str(caught.value) == (
        f"The value of topic 't', partition 3, offset 41 does not decode as {name}: "
        "no b'12'. It is b'12'. Give another value_deserializer."
    )


def test_what_a_callable_raises_is_the_cause() -> None:
    """Its own trace is not lost."""
    with pytest.raises(DeserializationError) as caught:
        decode_column(one(None, b"["), "t", "value", json.loads)
    assert type(caught.value.__cause__) is json.JSONDecodeError


def test_an_error_without_a_text_is_named_by_its_class() -> None:
    """'does not decode as x: .' would say nothing."""
    with pytest.raises(DeserializationError) as caught:
        decode_column(one(None, b"12"), "t", "value", refuse_without_a_text)
    assert "ValueError" in str(caught.value)


def test_a_callable_is_not_given_null() -> None:
    """A tombstone stays None."""
    assert decode_column(one(None, None), "t", "value", refuse) == [None]


@pytest.mark.parametrize(
    ("key", "name", "type_name"),
    [
        pytest.param(b"[1]", "JSON", "list", id="list"),
        pytest.param(b'{"a": 1}', "JSON", "dict", id="dict"),
        pytest.param(
            b"k",
            as_tuple_of_list,
            "tuple",
            id="tuple of list",
        ),
    ],
)
def test_a_key_that_can_not_be_hashed_is_named(
    key: bytes, name: Any, type_name: str
) -> None:
    """The error has its record and what it decoded to."""
    shown = name if isinstance(name, str) else name.__name__
    with pytest.raises(DeserializationError) as caught:
        Decoder("t", name, "STRING").latest([one(key, b"v")])
    assert str(caught.value) == (
        f"The key of topic 't', partition 3, offset 41 does not decode as {shown}: it "
        f"returns a {type_name}, which can't be a dict key. It is {key!r}. Give "
        "another key_deserializer."
    )


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
def test_named_deserializers_give_what_kafkas_own_give(
    name: str, data: bytes, value: Any
) -> None:
    """The names are those of Kafka's own."""
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
        ("INT", b"42", "expected 4 bytes (Kafka's binary form, not text), got 2"),
        ("BOOLEAN", b"\x02", "expected a single byte 0 or 1"),
        ("UUID", b"x", "badly formed hexadecimal UUID string"),
        ("JSON", b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)  # fmt: skip
def test_bytes_that_do_not_decode_name_their_record(
    name: str, data: bytes, reason: str
) -> None:
    """The error has topic, partition and offset, what was seen, and what to do."""
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
    """It does so neither within a partition nor between them."""
    records = table(
        (0, 0, 90, b"a", b"first"),
        (1, 0, 50, b"b", b"newer"),
        (0, 1, 10, b"a", b"second"),
        (0, 2, 40, b"b", b"older"),
        (1, 1, 20, b"a", b"third"),
    )
    rows = [records.slice(row, 1) for row in range(5)]
    for parts in ([records], rows, [records.slice(0, 2), records.slice(2)]):
        latest = Decoder("t", "STRING", "STRING").latest(parts)
        assert latest == {"a": "third", "b": "newer"}


def test_a_key_that_can_not_be_a_dicts_key_is_named() -> None:
    """JSON objects as keys do not fit into a dict."""
    with pytest.raises(DeserializationError) as caught:
        Decoder("t", "JSON", "STRING").latest([table((0, 4, 0, b"{}", b"v"))])
    assert str(caught.value) == (
        "The key of topic 't', partition 0, offset 4 does not decode as JSON: it "
        "returns a dict, which can't be a dict key. It is b'{}'. Give another "
        "key_deserializer."
    )


def test_an_empty_table_is_an_empty_dict() -> None:
    """Without records there are no keys."""
    assert Decoder("t", "STRING", "STRING").latest([read_schema().empty_table()]) == {}


def test_rows_become_records() -> None:
    """A record without a timestamp has None, and no type of it."""
    assert Decoder("t").records(full_and_empty_record()) == [
        Record("k", "v", "t", 1, 5, 1000, "LogAppendTime", (("h", None),)),
        Record(None, None, "t", 1, 6, None, None, ()),
    ]


def test_no_timestamp_is_null_in_a_users_table() -> None:
    """It is not the millisecond before 1970."""
    users_table = Decoder("t", "STRING", "BINARY").table(full_and_empty_record())
    assert users_table["timestamp"].to_pylist() == [
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc),
        None,
    ]
    assert users_table["timestamp"].type == pa.timestamp("ms", "UTC")


def test_values_without_a_common_arrow_type_are_refused() -> None:
    """The error says which column, and what else to do."""
    values = iter([{"a": 1}, "text"])
    whole = pa.concat_tables([full_and_empty_record().slice(0, 1)] * 2)
    with pytest.raises(TypeError) as caught:
        Decoder("t", "STRING", lambda _: next(values)).table(whole)
    text = str(caught.value)
    assert text.startswith(
        "The values of topic 't', deserialized as <lambda>, are not of one Arrow type: "
    )
    assert text.endswith(" Give another value_deserializer, or use read_records().")


def test_uuids_are_text_in_a_table() -> None:
    """They are so in Spark, which has no type for them."""
    whole = full_and_empty_record().slice(1, 1)
    assert Decoder("t", "UUID", "UUID").table(whole)["key"].type == pa.string()
    data = pa.array([b"00000000-0000-0000-0000-00000000000A"])
    whole = whole.set_column(4, "key", data)
    assert Decoder("t", "UUID", "UUID").table(whole)["key"].to_pylist() == [
        "00000000-0000-0000-0000-00000000000a"
    ]
