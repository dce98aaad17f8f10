"""`Record` and `Records`."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone

import pyarrow as pa
import pytest

from spark_kafka_testkit import Record, Records
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.schema import read_schema
from spark_kafka_testkit._model.offsets import Coverage


def test_a_record_shows_what_it_has() -> None:
    """And nothing that it has not."""
    assert repr(Record()) == "Record(None, None)"
    assert repr(Record("k", "v", "t", 0, 7)) == (
        "Record('k', 'v', topic='t', partition=0, offset=7)"
    )
    assert repr(Record(b"k", None, timestamp=0, headers=(("h", None),))) == (
        "Record(b'k', None, timestamp=0, headers=(('h', None),))"
    )
    record = Record("k", "v", "t", 1, 2, 3, "CreateTime", (("h", b"x"),))
    assert eval(repr(record)) == record  # noqa: S307


def test_a_record_does_not_change() -> None:
    """It can be compared, hashed, copied with changes, pickled."""
    record = Record("k", "v", timestamp=5)
    with pytest.raises(AttributeError):
        record.key = "other"  # type: ignore[misc]
    assert record == Record("k", "v", timestamp=5)
    assert {record: 1}[Record("k", "v", timestamp=5)] == 1
    assert record._replace(value=None) == Record("k", None, timestamp=5)
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [
        (None, None),
        (0, datetime(1970, 1, 1, tzinfo=timezone.utc)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123000, timezone.utc)),
    ],
)
def test_the_time_of_a_record(timestamp: int | None, time: datetime | None) -> None:
    """Aware, in UTC, exact to the millisecond."""
    assert Record(timestamp=timestamp).datetime == time


def test_records_are_a_list_with_a_coverage() -> None:
    """Equal to any list of the same records."""
    coverage = {0: Coverage(0, 1, 1, 0, 0)}
    records = Records([Record("k")], coverage, (1,))
    assert records == [Record("k")]
    assert records.coverage == coverage
    assert records.new_partitions == (1,)


def table() -> pa.Table:
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


def test_rows_become_records() -> None:
    """A record without a timestamp has None, and no type of it."""
    assert Decoder("t").records(table()) == [
        Record("k", "v", "t", 1, 5, 1000, "LogAppendTime", (("h", None),)),
        Record(None, None, "t", 1, 6, None, None, ()),
    ]


def test_no_timestamp_is_null_in_a_users_table() -> None:
    """Not the millisecond before 1970."""
    found = Decoder("t", "STRING", "BINARY").table(table())
    assert found["timestamp"].to_pylist() == [
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc),
        None,
    ]
    assert found["timestamp"].type == pa.timestamp("ms", "UTC")


def test_values_without_a_common_arrow_type() -> None:
    """The error says which column, and what else to do."""
    values = iter([{"a": 1}, "text"])
    whole = pa.concat_tables([table().slice(0, 1)] * 2)
    with pytest.raises(TypeError) as caught:
        Decoder("t", "STRING", lambda _: next(values)).table(whole)
    text = str(caught.value)
    assert text.startswith(
        "The values of topic 't', deserialized as <lambda>, are not of one Arrow type: "
    )
    assert text.endswith(" Give another value_deserializer, or use read_records().")


def test_uuids_are_text_in_a_table() -> None:
    """As they are in Spark, which has no type for them."""
    whole = table().slice(1, 1)
    assert Decoder("t", "UUID", "UUID").table(whole)["key"].type == pa.string()
    data = pa.array([b"00000000-0000-0000-0000-00000000000A"])
    whole = whole.set_column(4, "key", data)
    assert Decoder("t", "UUID", "UUID").table(whole)["key"].to_pylist() == [
        "00000000-0000-0000-0000-00000000000a"
    ]
