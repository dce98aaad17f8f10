"""CSV as Arrow batches.

A column of numbers becomes numbers, and anything else stays text.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import IO, TYPE_CHECKING

from spark_kafka_testkit.cli._json_items import LARGEST

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["csv_batches"]

# What begins with 0 or +, or has more digits than a double, is a code: a postcode, an
# article number, a card number. As a number it would change.
WHOLE = r" *-?(0|[1-9][0-9]{0,14})"
FRACTION = r"(\.[0-9]+)?([eE][+-][0-9]+)?"
OF_DOUBLE = r" *-?[0.]*([0-9]\.?){1,17}([eE][+-][0-9]{1,2})? *"
TRUTH = r"true|True|TRUE|false|False|FALSE"


def csv_batches(file: IO[bytes], is_text: bool) -> Iterator[pa.RecordBatch]:
    """The rows of a file with a header.

    The file is read twice, because even its last row may decide the type of a column.

    Args:
        file: the file, at its beginning.
        is_text: whether all columns are text.

    Raises:
        ValueError: during the iteration: it is not valid CSV.
    """
    import pyarrow as pa

    file = _again_and_again(file)
    names = _header(file)
    start = file.tell()
    types = [pa.string()] * len(names)
    if not is_text:
        types = _types(_read(file, names, types), len(names))
        file.seek(start)
    yield from _read(file, names, types)


def _again_and_again(file: IO[bytes]) -> IO[bytes]:
    """The file, or a copy of a pipe, which can only be read once."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115  it disappears with its last use
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy


def _header(file: IO[bytes]) -> list[str]:
    lines = iter(lambda: file.readline(LARGEST), b"")
    rows = csv.reader(line.decode("utf-8-sig") for line in lines)
    try:
        names = next(filter(None, rows), None)
    except csv.Error as error:
        raise ValueError(error) from error
    if names is None:
        raise ValueError("it is empty")
    return names


def _types(batches: Iterator[pa.RecordBatch], count: int) -> list[pa.DataType]:
    """The first type of each column that can hold all its values without a change."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow.csv import ConvertOptions

    patterns = {
        pa.null(): [""],
        pa.int64(): [f"{WHOLE} *"],
        pa.float64(): [f"{WHOLE}{FRACTION} *", OF_DOUBLE],
        pa.bool_(): [TRUTH],
    }
    nulls = pa.array(ConvertOptions().null_values)
    left = [list(patterns) for _ in range(count)]
    for batch in batches:
        for types, column in zip(left, batch.columns, strict=True):
            is_null = pc.is_in(column, nulls)
            for dtype in list(types):
                fits = [
                    pc.match_substring_regex(column, f"^({pattern})$")
                    for pattern in patterns[dtype]
                ]
                if not pc.all(pc.or_(is_null, reduce(pc.and_, fits))).as_py():
                    types.remove(dtype)
    return [types[0] if types else pa.string() for types in left]


def _read(
    file: IO[bytes], names: Sequence[str], types: Sequence[pa.DataType]
) -> Iterator[pa.RecordBatch]:
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

    start = file.tell()
    if not file.read(1):
        return  # pyarrow calls a file with only a header empty
    file.seek(start)
    column_types = dict(zip(names, types, strict=True))
    yield from open_csv(
        file,
        ReadOptions(column_names=names),
        ParseOptions(newlines_in_values=True),
        convert_options=ConvertOptions(
            column_types=column_types, strings_can_be_null=False
        ),
    )
