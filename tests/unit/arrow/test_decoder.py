"""Decoding: every name with bytes that do and do not fit, callables, and odd keys."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.schema import read_schema
from spark_kafka_testkit.errors import DeserializationError
from spark_kafka_testkit.serde import DESERIALIZERS, Deserializer, deserializer

NOT_UTF8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


def one(key: bytes | None, value: bytes | None) -> pa.Table:
    """A table of one record, of partition 3 at offset 41."""
    row: dict[str, Any] = {
        "partition": 3,
        "offset": 41,
        "timestamp": 0,
        "timestamp_type": 0,
        "key": key,
        "value": value,
        "headers": [],
    }
    return pa.Table.from_pylist([row], schema=read_schema())


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


@pytest.mark.parametrize("change", [str.lower, str.title, str.upper])
@pytest.mark.parametrize("name", sorted(DESERIALIZERS))
def test_a_name_is_known_in_any_case(name: str, change: Callable[[str], str]) -> None:
    """It is shown in capitals."""
    assert deserializer(change(name), "key") == (name, DESERIALIZERS[name])


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
    found = decode_column(one(None, data), "t", "value", name)
    assert repr(found) == repr([value])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("STRING", b"\xff", NOT_UTF8),
        ("SHORT", b"\x01", "2 bytes are expected (Kafka's binary form, not text), 1 found"),
        ("INT", b"", "4 bytes are expected (Kafka's binary form, not text), 0 found"),
        ("LONG", b"\x00" * 4, "8 bytes are expected (Kafka's binary form, not text), 4 found"),
        ("FLOAT", b"\x00" * 8, "4 bytes are expected (Kafka's binary form, not text), 8 found"),
        ("DOUBLE", b"1.5", "8 bytes are expected (Kafka's binary form, not text), 3 found"),
        ("BOOLEAN", b"", "a single byte 0 or 1 is expected"),
        ("BOOLEAN", b"true", "a single byte 0 or 1 is expected"),
        ("UUID", b"\xff", NOT_UTF8),
        ("JSON", b"", "Expecting value: line 1 column 1 (char 0)"),
        ("JSON", b"\xff\xff", NOT_UTF8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["key", "value"])
def test_bytes_that_do_not_decode_are_shown(
    field: str, name: str, data: bytes, reason: str
) -> None:
    """A key as well as a value; the other deserializer is not blamed."""
    records = one(data, b"") if field == "key" else one(b"", data)
    with pytest.raises(DeserializationError) as caught:
        decode_column(records, "orders", field, name)
    assert str(caught.value) == (
        f"The {field} of topic 'orders', partition 3, offset 41 does not decode as "
        f"{name}: {reason}. It is {data!r}. Give another {field}_deserializer."
    )


def test_an_error_of_decoding_carries_its_record() -> None:
    """For a test that looks into it."""
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
        "4 bytes are expected (Kafka's binary form, not text), 41 found. "
        f"It is b'{'x' * 40}...'. Give another value_deserializer."
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
    """By the callable's name, or its repr where it has none."""
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
    ("key", "name", "kind"),
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
    key: bytes, name: Any, kind: str
) -> None:
    """With its record and what it decoded to."""
    shown = name if isinstance(name, str) else name.__name__
    with pytest.raises(DeserializationError) as caught:
        Decoder("t", name, "STRING").latest([one(key, b"v")])
    assert str(caught.value) == (
        f"The key of topic 't', partition 3, offset 41 does not decode as {shown}: it "
        f"gives a {kind}, which can't be a dict's key. It is {key!r}. "
        "Give another key_deserializer."
    )
