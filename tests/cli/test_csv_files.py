"""CSV: what is a number, and what is a code that looks like one."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_kafka_testkit.cli._files import open_source


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (["1", "-2", "999999999999999"], [1, -2, 999_999_999_999_999]),
        (["1.5", "2", "0.30000000000000004"], [1.5, 2.0, 0.30000000000000004]),
        (["1e-07", "-1.5E+20"], [1e-07, -1.5e20]),
        (["1", "", "NA"], [1, None, None]),
        (["true", "FALSE"], [True, False]),
        (["7", "007"], None),
        (["7", "-07"], None),
        (["1.5", "01.5"], None),
        (["7", "+7"], None),
        (["7", "1000000000000000"], None),
        (["1E5", "2"], None),
        (["2026-01-31 12:00", "2026-01-31 13:00"], None),
        (["1", "x"], None),
        (["0.30000000000000004", "2"], [0.30000000000000004, 2.0]),
        (["3.14159265358979323846"], None),
        (["123456789012345.678901"], None),
        (["1e+400"], None),
        (["NA", "x", ""], None),
    ],
)
def test_a_column_is_numbers_where_it_stays_the_same(
    tmp_path: Path, column: list[str], values: list[object] | None
) -> None:
    """All of it is text otherwise."""
    file = tmp_path / "some.csv"
    file.write_text("".join(f"{value},z\n" for value in ["a", *column]))
    assert drawn(file) == [
        {"a": value, "z": "z"} for value in (column if values is None else values)
    ]


def drawn(file: Path) -> list[dict[str, object]]:
    """The values that are sent of a file."""
    source = open_source(str(file), "csv", None, is_text=False)
    return [json.loads(value) for _, value in source.messages]


def test_lines_may_break_within_a_cell(tmp_path: Path) -> None:
    """Also where the file is longer than what is read at a time."""
    file = tmp_path / "notes.csv"
    rows = [f"{number},first\nsecond" for number in range(100_000)]
    file.write_text(
        "id,note\n" + "".join('{},"{}"\n'.format(*row.split(",")) for row in rows)
    )
    values = drawn(file)
    assert len(values) == 100_000
    assert values[-1] == {"id": 99_999, "note": "first\nsecond"}


def test_the_last_row_may_tell(tmp_path: Path) -> None:
    """A file may be longer than what is read at a time."""
    file = tmp_path / "codes.csv"
    file.write_text("code\n" + "12345\n" * 300_000 + "01067\n")
    values = drawn(file)
    assert (values[0], values[-1]) == ({"code": "12345"}, {"code": "01067"})


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """What a column is shows there, as it does of a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    handle = os.open(pipe, os.O_RDWR)  # a reader, so that nobody waits for one
    os.write(handle, b"code\n12345\n01067\n")
    source = open_source(str(pipe), "csv", None, is_text=False)
    assert (source.size, source.position) == (None, None)
    os.close(handle)
    assert [value for _, value in source.messages] == [
        '{"code": "12345"}',
        '{"code": "01067"}',
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"a,b\n", []),
        (b"\xef\xbb\xbfa\r\n1\r\n", [{"a": 1}]),
        (b'"a\nb"\n"x\ny"\n', [{"a\nb": "x\ny"}]),
    ],
)
def test_headers(tmp_path: Path, text: bytes, values: list[object]) -> None:
    """One without rows, with a byte order mark, on two lines."""
    file = tmp_path / "some.csv"
    file.write_bytes(text)
    assert drawn(file) == values


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    """Windows puts it at the beginning of a file."""
    file = tmp_path / "some.jsonl"
    file.write_bytes(codecs.BOM_UTF8 + b'{"a": 1}\n{"a": 2}\n')
    for file_format in ("jsonl", "lines"):
        source = open_source(str(file), file_format, None, is_text=False)
        assert [value for _, value in source.messages] == [b'{"a": 1}', b'{"a": 2}']


def test_a_map_of_a_parquet_file_is_an_object(tmp_path: Path) -> None:
    """Also an empty one, and one in a struct."""
    pairs = pa.map_(pa.string(), pa.int32())
    column = pa.array([[("a", 1)], []], pairs)
    inner = pa.array([{"m": [("b", 2)]}, {"m": None}], pa.struct([("m", pairs)]))
    pq.write_table(pa.table({"m": column, "s": inner}), tmp_path / "some.parquet")
    source = open_source(str(tmp_path / "some.parquet"), "parquet", None, is_text=False)
    assert [json.loads(value) for _, value in source.messages] == [
        {"m": {"a": 1}, "s": {"m": {"b": 2}}},
        {"m": {}, "s": {"m": None}},
    ]
