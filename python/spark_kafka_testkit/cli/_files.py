"""Files as messages: lines, JSON, CSV, Parquet, and what `read` prints.

They are read as they are sent, a few thousand messages at a time.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.encode import check_record, has_map
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit.cli._csv import csv_batches
from spark_kafka_testkit.cli._json_items import LARGEST, json_items
from spark_kafka_testkit.cli._output import as_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "Source", "format_of", "open_source"]

FORMATS = ("lines", "json", "jsonl", "csv", "parquet", "records")
SUFFIXES = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Source:
    """The messages of a file.

    Attributes:
        messages: messages that `send_messages` accepts.
        size: the size of the file in bytes, or None if it is a pipe.
        position: a function that returns how many bytes have been read.
    """

    messages: Iterator[Any]
    size: int | None
    position: Callable[[], int] | None


def format_of(name: str) -> str:
    """The format by a file's extension, or lines for any other file and for a pipe."""
    return SUFFIXES.get(Path(name).suffix.lower(), "lines")


def open_source(name: str, file_format: str, key: str | None, is_text: bool) -> Source:
    """The messages of a file, or of stdin for `-`.

    Args:
        name: the path, or `-`.
        file_format: one of `FORMATS`.
        key: where the key is: for lines the separator after it, otherwise the name of a
            field or column.
        is_text: whether all values of a CSV file are text.

    Raises:
        click.UsageError: the arguments contradict each other.
        click.ClickException: during the iteration: an invalid line.
    """
    if file_format == "records" and key is not None:
        raise click.UsageError("Records have their own keys. Leave out --key.")
    if is_text and file_format != "csv":
        raise click.UsageError("--text is for CSV.")
    if name == "-":
        if sys.stdin is None:
            raise click.ClickException("stdin is closed.")
        if file_format == "parquet":
            raise click.UsageError("Parquet is read from a file, not from a pipe.")
        return Source(
            _messages(sys.stdin.buffer, "stdin", file_format, key, is_text), None, None
        )
    file = Path(name).open("rb")  # noqa: SIM115  it is read as the messages are sent
    messages = _messages(file, name, file_format, key, is_text)
    if not file.seekable():  # a pipe with a name
        return Source(messages, None, None)
    size = Path(name).stat().st_size
    return Source(messages, size, lambda: size if file.closed else file.tell())


def _messages(
    file: IO[bytes], name: str, file_format: str, key: str | None, is_text: bool
) -> Iterator[Any]:
    if file_format == "lines":
        return _lines(file, name, key)
    if file_format in ("json", "jsonl"):
        draw_json = json_items if file_format == "json" else _json_lines
        return _keyed(draw_json(file, name), key)
    if file_format == "records":
        return _records(file, name)
    draw = (
        csv_batches(file, is_text) if file_format == "csv" else _parquet_batches(file)
    )
    return _rows(draw, name, key)


def _lines(
    file: IO[bytes], name: str, separator: str | None
) -> Iterator[tuple[bytes | None, bytes]]:
    if separator is None:
        for _, line in _numbered(file, name):
            yield None, line
        return
    mark = separator.encode()
    for number, line in _numbered(file, name):
        key, sep, value = line.partition(mark)
        if not sep:
            raise _fault(name, number, f"has no {separator!r} after its key")
        yield key, value


def _keyed(
    items: Iterator[tuple[str, Any, Any]], key: str | None
) -> Iterator[tuple[Any, Any]]:
    """JSON values, with one of their fields as the key.

    Args:
        items: the place of each value, its text, and its value in Python.
        key: the field's name, or None.
    """
    for place, text, value in items:
        if key is None:
            yield None, text
        elif isinstance(value, dict) and key in value:
            yield _text(value[key]), text
        else:
            raise click.ClickException(f"{place} has no field {key!r}.")


def _json_lines(file: IO[bytes], name: str) -> Iterator[tuple[str, bytes, Any]]:
    for number, line, parsed in _parsed(file, name):
        yield f"Line {number} of {name}", line, parsed


def _records(file: IO[bytes], name: str) -> Iterator[Record]:
    for number, _, parsed in _parsed(file, name):
        if not isinstance(parsed, dict) or "value" not in parsed:
            raise _fault(name, number, "is not a record: it has no field 'value'")
        headers = () if parsed.get("headers") is None else parsed["headers"]
        place = Record(
            partition=parsed.get("partition"),
            timestamp=parsed.get("timestamp"),
            headers=headers,
        )
        which = f"line {number} of {name}"
        try:
            if place.timestamp is not None:  # JSON has no datetime
                _arguments.whole(f"The timestamp of {which}", place.timestamp, None)
            check_record(place, which)
        except (TypeError, ValueError) as error:
            raise click.ClickException(f"{error}.") from error
        pairs = headers.items() if isinstance(headers, dict) else headers
        try:
            record = place._replace(
                key=_bytes(parsed.get("key")),
                value=_bytes(parsed["value"]),
                headers=tuple((header, _bytes(data)) for header, data in pairs),
            )
        except (binascii.Error, TypeError, ValueError, RecursionError) as error:
            raise _fault(name, number, f"is not a record: {error}") from error
        yield record


def _parsed(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes, Any]]:
    for number, line in _numbered(file, name):
        if line.strip():
            try:
                parsed = json.loads(line)
            except RecursionError as error:
                raise _fault(name, number, "is nested too deep") from error
            except ValueError as error:
                told = str(error)
                if isinstance(error, json.JSONDecodeError):  # its line is always 1
                    told = f"{error.msg}: column {error.colno}"
                raise _fault(name, number, f"is not valid JSON: {told}") from error
            yield number, line, parsed


def _numbered(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """The lines, numbered from 1.

    A line that is longer than any message can be is not read to its end, which may
    never come.
    """
    lines = iter(partial(file.readline, LARGEST), b"")
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
        if len(line) == LARGEST:
            raise _fault(
                name, number, f"is longer than a message can be: {LARGEST:,} bytes"
            )
        yield number, line.removesuffix(b"\n").removesuffix(b"\r")


def _rows(
    batches: Iterator[pa.RecordBatch], name: str, key: str | None
) -> Iterator[tuple[Any, str]]:
    try:
        for batch in batches:
            if key is not None and key not in batch.schema.names:
                known = ", ".join(batch.schema.names)
                raise click.ClickException(
                    f"{name} has no column {key!r}. It has {known}."
                )
            twice = [one for one, n in Counter(batch.schema.names).items() if n > 1]
            if twice:
                raise click.ClickException(
                    f"{name} has more than one column {twice[0]!r}."
                )
            for row in _to_dicts(batch, name):
                yield None if key is None else _text(row[key]), as_json(row)
    except (ArithmeticError, RecursionError, ValueError) as error:
        raise click.ClickException(f"{name} can't be read: {error}") from error


def _to_dicts(batch: pa.RecordBatch, name: str) -> list[dict[str, Any]]:
    """The rows, with maps as dicts, so that they become objects in JSON."""
    if not any(has_map(field.type) for field in batch.schema):
        return list(batch.to_pylist())
    try:
        return list(batch.to_pylist(maps_as_pydicts="strict"))
    except TypeError as error:
        raise click.ClickException(
            f"{name} has a column with a map, which this pyarrow can't turn into an "
            "object. Install a newer one: pip install --upgrade pyarrow"
        ) from error


def _parquet_batches(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    from pyarrow.parquet import ParquetFile

    yield from ParquetFile(file).iter_batches(batch_size=4096)


def _text(value: Any) -> Any:
    """A key: text and bytes as they are, anything else as JSON."""
    return value if value is None or isinstance(value, (str, bytes)) else as_json(value)


def _bytes(printed: Any) -> Any:
    """A key or value in the form that `read` prints."""
    if isinstance(printed, dict) and set(printed) == {"base64"}:
        return base64.b64decode(printed["base64"], validate=True)
    return _text(printed)


def _fault(name: str, number: int, what: str) -> click.ClickException:
    return click.ClickException(f"Line {number} of {name} {what}.")
