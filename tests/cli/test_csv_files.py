"""CSV: what is a number, and what is a code that looks like one."""

from __future__ import annotations

import json
import os
from pathlib import Path

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
