"""What can be sent, and what each kind of message becomes."""

from __future__ import annotations

from collections import namedtuple
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from spark_kafka_testkit import Record
from spark_kafka_testkit._arrow.encode import BATCH_MESSAGES, batches
from spark_kafka_testkit._arrow.schema import send_schema
from spark_kafka_testkit.errors import SerializationError

NOTHING: dict[str, Any] = {"partition": None, "timestamp": None, "headers": []}
Row = namedtuple("Row", ["key", "value"])


def rows(messages: Any, **serializers: Any) -> list[dict[str, Any]]:
    """The rows of all batches."""
    return batches(messages, **serializers).read_all().to_pylist()


def refused(messages: Any, error_type: type[Exception]) -> str:
    """The text of the error for what can't be sent."""
    with pytest.raises(error_type) as caught:
        batches(messages).read_all()
    return str(caught.value)


def test_a_record_is_taken_whole() -> None:
    """Partition, timestamp and headers are taken; what the broker gives is not looked
    at.
    """
    headers = (("h", b"x"), ("h", None))
    record = Record("k", "v", "t", 3, 17, 1000, "CreateTime", headers)
    assert rows([record]) == [
        {
            "key": b"k",
            "value": b"v",
            "partition": 3,
            "timestamp": 1000,
            "headers": [{"key": "h", "value": b"x"}, {"key": "h", "value": None}],
        }
    ]


def test_records_and_pairs_may_be_mixed() -> None:
    """A pair leaves the rest to the producer."""
    sent = rows([("a", 1), Record("b", None, partition=0), ["c", b"3"]])
    assert [(row["key"], row["value"], row["partition"]) for row in sent] == [
        (b"a", b"1", None),
        (b"b", None, 0),
        (b"c", b"3", None),
    ]


def test_pairs_alone_need_no_wide_batches() -> None:
    """A list of pairs has two columns; an iterator might still bring a record."""
    assert batches([("a", "b")]).schema == send_schema(wide=False)
    assert batches([]).schema == send_schema(wide=False)
    assert batches(iter([("a", "b")])).schema == send_schema()
    assert batches([Record("a", "b")]).schema == send_schema()


@pytest.mark.parametrize(
    "message",
    [SimpleNamespace(key="k", value="v"), Row("k", "v"), Record("k", "v")],
)
def test_what_has_a_key_and_a_value_is_a_message(message: Any) -> None:
    """Named tuples, rows and objects have."""
    assert rows(iter([message])) == [{"key": b"k", "value": b"v", **NOTHING}]


@pytest.mark.parametrize(
    "headers",
    [
        (("h", "é"), ("n", 7)),
        [["h", "é"], ["n", 7]],
        {"h": "é", "n": 7},
    ],
    ids=["tuples", "lists", "dict"],
)
def test_headers_are_pairs_of_any_kind(headers: Any) -> None:
    """Their values are encoded as keys and values are."""
    record = SimpleNamespace(key="k", value="v", headers=headers)
    assert rows([record])[0]["headers"] == [
        {"key": "h", "value": "é".encode()},
        {"key": "n", "value": b"7"},
    ]


def test_a_datetime_is_a_timestamp() -> None:
    """It may be aware, or local time as everywhere in Python."""
    aware = datetime(2023, 11, 14, 22, 13, 20, 123999, timezone.utc)
    times = [aware, aware.astimezone().replace(tzinfo=None), 1_700_000_000_123]
    sent = rows([Record("k", "v", timestamp=time) for time in times])
    assert [row["timestamp"] for row in sent] == [1_700_000_000_123] * 3


def test_numbers_of_a_record_may_be_those_of_numpy() -> None:
    """They come out of arrays and frames."""
    record = Record("k", "v", partition=np.int64(3), timestamp=np.uint32(7))  # type: ignore[arg-type]
    for messages in ([record], iter([record, Record("k", "v")])):
        first = rows(messages)[0]
        assert (first["partition"], first["timestamp"]) == (3, 7)


@pytest.mark.parametrize(
    ("record", "error_type", "text"),
    [
        (
            {"partition": np.int64(-1)},
            ValueError,
            "The partition of message 1 must not be negative, got -1",
        ),
        (
            {"timestamp": np.float64(1)},
            TypeError,
            "The timestamp of message 1 must be an int of milliseconds, or a datetime "
            "such as at('09:00'), not float64",
        ),
        (
            {"partition": np.True_},
            TypeError,
            f"The partition of message 1 must be an int, not {type(np.True_).__name__}",
        ),
        (
            {"partition": -1},
            ValueError,
            "The partition of message 1 must not be negative, got -1",
        ),
        (
            {"partition": "0"},
            TypeError,
            "The partition of message 1 must be an int, not str",
        ),
        (
            {"partition": True},
            TypeError,
            "The partition of message 1 must be an int, not bool",
        ),
        (
            {"timestamp": -5},
            ValueError,
            "The timestamp of message 1 is a time before 1970: -5",
        ),
        (
            {"timestamp": datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc)},
            ValueError,
            "The timestamp of message 1 is a time before 1970: 1969-12-31 23:59:59+00:00",
        ),
        (
            {"timestamp": 1.5},
            TypeError,
            "The timestamp of message 1 must be an int of milliseconds, or a datetime "
            "such as at('09:00'), not float",
        ),
        (
            {"headers": [("h",)]},
            TypeError,
            "The headers of message 1 must be (name, value) pairs, got [('h',)]",
        ),
        (
            {"headers": [(b"h", b"x")]},
            TypeError,
            "The headers of message 1 must be (name, value) pairs, got [(b'h', b'x')]",
        ),
        (
            {"headers": 5},
            TypeError,
            "The headers of message 1 must be (name, value) pairs, got 5",
        ),
    ],
)
@pytest.mark.parametrize("iterable", [list, iter])
def test_a_record_that_can_not_be_sent_is_named(
    record: dict[str, Any], error_type: type[Exception], text: str, iterable: Any
) -> None:
    """The error has its place, and what is wrong with it; of a list it comes before
    anything is sent.
    """
    messages = [("a", "b"), Record("k", "v", **record)]
    assert refused(iterable(messages), error_type) == text


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
            "messages must be (key, value) pairs or Records, but message 0 is 'ab'. "
            "For a value without a key, send (None, value).",
        ),
        (
            [("k", "v"), ("k", "v", "x")],
            "messages must be (key, value) pairs or Records, but message 1 is ('k', "
            "'v', 'x'). For a value without a key, send (None, value).",
        ),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(messages: Any, text: str) -> None:
    """The first message that is wrong is named, before a batch is made."""
    with pytest.raises(TypeError) as caught:
        next(batches(messages))
    assert str(caught.value) == text


def test_a_message_whose_parts_are_methods_is_refused() -> None:
    """confluent-kafka's are: the text of a method is not what was meant."""
    message = SimpleNamespace(key=lambda: b"k", value=lambda: b"v")
    assert refused([message], TypeError).startswith(
        "messages must be (key, value) pairs or Records, but message 0 is namespace("
    )


def test_a_spark_frame_is_refused_with_a_hint() -> None:
    """Spark's older frames are no Arrow streams."""
    frame = type("DataFrame", (), {})()
    assert refused(frame, TypeError) == (
        "messages must be a list of (key, value) pairs or Records, or a table, "
        "not DataFrame (give its toArrow())"
    )


# Tables


VIEW = pa.string_view() if hasattr(pa, "string_view") else pa.string()  # pyarrow 16


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"key": ["a", None], "value": ["1", ""]}),
        pa.table(
            {"key": pa.array(["a", None], pa.large_string()), "value": [b"1", b""]}
        ),
        pa.table(
            {"key": pa.array(["a", None]).dictionary_encode(), "value": ["1", ""]}
        ),
        pa.table({"key": pa.array(["a", None], VIEW), "value": ["1", ""]}),
        pa.RecordBatch.from_pydict({"key": ["a", None], "value": ["1", ""]}),
        frame(key=["a", None], value=["1", ""]),
        frame(key=["a", None], value=[b"1", b""]).set_index(pd.Index([7, 8])),
    ],
    ids=["table", "large", "dictionary", "view", "batch", "pandas", "index"],
)
def test_a_table_of_any_kind_is_taken(table: Any) -> None:
    """Text and bytes come in whatever form Arrow has them; pandas' index is dropped."""
    assert rows(table) == [
        {"key": b"a", "value": b"1"},
        {"key": None, "value": b""},
    ]


def test_what_exports_arrow_streams_is_a_table() -> None:
    """Polars' frames do."""

    class Frame:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.table({"value": ["v"]}).__arrow_c_stream__(requested_schema)

    assert rows(Frame()) == [{"key": None, "value": b"v"}]


def test_the_columns_of_a_table_are_obeyed() -> None:
    """Those that only a broker gives are not looked at."""
    table = pa.table(
        {
            "topic": ["t"],
            "offset": [5],
            "timestamp_type": [0],
            "timestampType": [0],
            "partition": [2],
            "timestamp": pa.array([1_700_000_000_123_999], pa.timestamp("us", "UTC")),
            "value": [7],
            "headers": [[{"key": "h", "value": b"x"}]],
        }
    )
    assert rows(table) == [
        {
            "key": None,
            "value": b"7",
            "partition": 2,
            "timestamp": 1_700_000_000_123,
            "headers": [{"key": "h", "value": b"x"}],
        }
    ]


def test_a_table_is_serialized_by_name() -> None:
    """A struct is what JSON takes; numbers go in Kafka's binary form."""
    table = pa.table({"key": [1, None], "value": [{"a": 1}, None]})
    assert rows(table, key_serializer="INT", value_serializer="JSON") == [
        {"key": b"\0\0\0\1", "value": b'{"a":1}'},
        {"key": None, "value": None},
    ]


@pytest.mark.parametrize(
    ("table", "error_type", "text"),
    [
        (
            pa.table({"value": ["v"], "id": [1], "Key": ["k"]}),
            ValueError,
            "A table to send needs the column 'value' and may have 'key', 'partition', 'timestamp', 'headers', but this one has 'id', 'Key'. Rename or drop columns first.",
        ),
        (
            pa.table({"key": ["k"]}),
            ValueError,
            "A table to send needs the column 'value' and may have 'key', 'partition', 'timestamp', 'headers', but this one has no 'value'. Rename or drop columns first.",
        ),
        (
            frame(value=["v"], id=[1]),
            ValueError,
            "A table to send needs the column 'value' and may have 'key', 'partition', 'timestamp', 'headers', but this one has 'id'. Rename or drop columns first.",
        ),
        (
            pa.table({"value": ["v"], "partition": ["one"]}),
            ValueError,
            "The column 'partition' must be int32, got string.",
        ),
        (
            pa.table({"value": ["v", "w"], "partition": [0, -1]}),
            ValueError,
            "The partition of message 1 must not be negative, got -1",
        ),
        (
            pa.table({"value": ["v"], "timestamp": [-1]}),
            ValueError,
            "The timestamp of message 0 must not be negative, got -1",
        ),
        (
            pa.table(
                {"value": ["v", "w"], "headers": [[], [{"key": None, "value": b"x"}]]}
            ),
            ValueError,
            "The headers of message 1 must be (name, value) pairs, got [{'key': None, 'value': b'x'}]",
        ),
    ],
)
def test_a_table_that_can_not_be_sent_is_refused(
    table: Any, error_type: type[Exception], text: str
) -> None:
    """The column, or the message, is named."""
    assert refused(table, error_type) == text


def test_a_table_of_many_rows_names_the_message_by_its_place() -> None:
    """Rows are counted over all batches."""
    count = 2 * BATCH_MESSAGES
    partitions = [0] * (count - 1) + [-3]
    table = pa.table({"value": ["v"] * count, "partition": partitions})
    assert refused(table, ValueError) == (
        f"The partition of message {count - 1} must not be negative, got -3"
    )


# Serializers


def test_serializers_are_checked_at_the_call() -> None:
    """That comes before anything is drawn."""
    for name, text in (
        ("key", "Unknown key_serializer 'LNG'. Choose one of: "),
        ("value", "Unknown value_serializer 'LNG'. Choose one of: "),
    ):
        with pytest.raises(ValueError, match=f"^{text}"):
            batches(iter([]), **{f"{name}_serializer": "LNG"})
    with pytest.raises(TypeError) as caught:
        batches([], key_serializer=5)  # type: ignore[arg-type]
    assert str(caught.value) == "key_serializer must be a name or a callable, not int"


def test_a_serializer_is_used_for_its_side_alone() -> None:
    """The other one goes by the rules without one; null is not given to it."""
    sent = rows([(1, 1), (None, None)], key_serializer="SHORT", value_serializer=None)
    assert sent == [{"key": b"\0\1", "value": b"1"}, {"key": None, "value": None}]
    sent = rows([("k", 5)], value_serializer=bytes)
    assert sent == [{"key": b"k", "value": bytes(5)}]


def test_what_a_serializer_refuses_is_named() -> None:
    """The error has the message, the serializer, its reason, and the item."""
    with pytest.raises(SerializationError) as caught:
        rows([(1, 2), ("x" * 100, 2)], key_serializer="INT")
    assert str(caught.value) == (
        "The key of message 1 can't be serialized as INT: expected an int that fits 4 "
        f"bytes. It is '{'x' * 56}...."
    )
