"""`Record` and `Records`."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from spark_kafka_testkit import Record, Records
from spark_kafka_testkit._model.offsets import Coverage


def test_a_record_shows_what_it_has() -> None:
    """It shows nothing that it has not."""
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
def test_the_datetime_of_a_record_is_its_timestamp(
    timestamp: int | None, time: datetime | None
) -> None:
    """It is aware, in UTC, and exact to the millisecond."""
    assert Record(timestamp=timestamp).datetime == time


def test_a_record_to_be_sent_may_have_other_types() -> None:
    """It is shown, and has its time, all the same."""
    record = Record("k", "v", partition=np.int64(1))  # type: ignore[arg-type]
    assert repr(record) == f"Record('k', 'v', partition={np.int64(1)!r})"
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    at_noon = Record("k", "v", timestamp=noon)
    assert at_noon.datetime == noon
    assert at_noon.datetime.tzinfo is timezone.utc


def test_records_are_a_list_with_a_coverage() -> None:
    """They are equal to any list of the same records."""
    coverage = {0: Coverage(0, 1, 1, 0, 0)}
    records = Records([Record("k")], coverage, (1,))
    assert records == [Record("k")]
    assert records.coverage == coverage
    assert records.new_partitions == (1,)


def test_records_are_a_table_in_a_notebook() -> None:
    """With times as times, the first twenty, and nothing that a browser would obey."""
    first = Record("k", "<b>", "t", 0, 7, 1_000, "CreateTime", (("h", b"v"),))
    shown = Records([first, *[Record()] * 21], {})._repr_html_()
    assert shown.startswith("<table><tr><th>topic</th><th>partition</th>")
    assert (
        "<tr><td>t</td><td>0</td><td>7</td><td>1970-01-01 00:00:01.000+00:00</td>"
        "<td>k</td><td>&lt;b&gt;</td><td>{&#x27;h&#x27;: b&#x27;v&#x27;}</td></tr>"
    ) in shown
    assert shown.endswith("</table><p>and 2 more</p>")
    assert shown.count("<tr>") == 21
