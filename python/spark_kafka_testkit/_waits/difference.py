"""How a result differs from what was expected, in a few lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from spark_kafka_testkit._text import represented
from spark_kafka_testkit._waits.equality import Counts, Table, equal, plain, unmatched
from spark_kafka_testkit._waits.matchers import Contains

__all__ = ["difference", "named", "shorten"]

SHOWN_ITEMS = 10
SHOWN_CHARACTERS = 120
SHOWN_BEFORE = 20
MANY = 1000


def difference(result: Any, expected: Any) -> str:
    """How a result differs from what was expected.

    Dicts are compared key by key, and values with parts by the path to the part. For
    lists, tuples, sets, arrays and the rows of frames, it lists what is missing,
    repeated and unexpected. Anything else is shown side by side. Long values are
    shortened around the place where they differ.
    """
    if isinstance(expected, Contains):
        result, expected = expected.within(plain(result)), expected.parts
    lines: list[str] = []
    result, expected = plain(result), plain(expected)
    if isinstance(result, Table) and isinstance(expected, Table):
        return _of_tables(result, expected)
    if isinstance(result, Mapping) and isinstance(expected, Mapping):
        lines = _of_mappings(result, expected)
    elif isinstance(result, (list, tuple, Set)) and isinstance(
        expected, (list, tuple, Set)
    ):
        lines = _of_sequences(list(result), list(expected))
    if lines:
        return "\n".join(lines)
    shown, wanted = _pair(result, expected)
    return f"  expected: {wanted}\n  last:     {shown}"


def shorten(value: Any) -> str:
    """The repr of a value, shortened if it is long."""
    return _cut(_text(value), 0)


def named(predicate: Callable[[Any], Any]) -> str:
    """A function's name and where it is defined. A lambda has no other name."""
    code = getattr(predicate, "__code__", None)
    name = getattr(predicate, "__name__", represented(predicate))
    if code is None:
        return name
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})"


def _of_mappings(result: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[str]:
    missing = [
        f"  missing:    {shorten(key)}: {shorten(value)}"
        for key, value in expected.items()
        if key not in result
    ]
    different = [
        f"  different:  {line}"
        for key, value in expected.items()
        if key in result and not equal(result[key], value)
        for line in _of_values(shorten(key), result[key], value)
    ]
    unexpected = [
        f"  unexpected: {shorten(key)}: {shorten(value)}"
        for key, value in result.items()
        if key not in expected
    ]
    return [*_first(missing), *_first(different), *_first(unexpected)]


def _of_tables(result: Table, expected: Table) -> str:
    """The first part in which they differ."""
    for name in ("kind", "columns", "labels"):
        pair = getattr(result, name), getattr(expected, name)
        if not equal(*pair):
            shown, wanted = _pair(*pair)
            return f"  different:  {name}: expected {wanted}, last {shown}"
    lines = _of_sequences(result.rows, expected.rows)
    if lines:
        return "\n".join(lines)
    shown, wanted = _pair(result.rows, expected.rows)
    return f"  expected: {wanted}\n  last:     {shown}"


def _of_sequences(result: list[Any], expected: list[Any]) -> list[str]:
    missing, unexpected = unmatched(expected, result)
    if len(missing) + len(unexpected) > MANY:  # too many to look for pairs among them
        return [
            *_first([f"  missing:    {shorten(value)}" for value in missing]),
            *_first([f"  unexpected: {shorten(value)}" for value in unexpected]),
        ]
    different, missing, unexpected = _same_key(missing, unexpected)
    wanted, there = Counts(expected), Counts(result)
    few = [value for value in missing if there[value]]
    many = [value for value in unexpected if wanted[value]]

    def counted(value: Any) -> str:
        return (
            f"{shorten(value)}: expected {_times(wanted[value])}, found "
            f"{_times(there[value])}"
        )

    lines = [f"  missing:    {shorten(value)}" for value in _without(missing, few)]
    lines += [f"  missing:    {counted(value)}" for value in _once(few)]
    repeated = [f"  repeated:   {counted(value)}" for value in _once(many)]
    rest = [f"  unexpected: {shorten(value)}" for value in _without(unexpected, many)]
    return [
        *_first(lines),
        *_first([f"  different:  {line}" for line in different]),
        *_first(repeated),
        *_first(rest),
    ]


def _same_key(
    missing: list[Any], unexpected: list[Any]
) -> tuple[list[str], list[Any], list[Any]]:
    """The differences between missing and unexpected values with the same key.

    Also the remaining missing and unexpected values. The key of a pair or row is its
    first item, if no other value has it.
    """
    wanted, seen = _by_key(missing), _by_key(unexpected)
    shared = [key for key in wanted if key in seen]
    lines = [
        line
        for key in shared
        for line in _of_items(shorten(key), seen[key], wanted[key])
    ]
    kept = [
        [value for value in values if not (_is_row(value) and value[0] in shared)]
        for values in (missing, unexpected)
    ]
    return lines, kept[0], kept[1]


def _by_key(rows: list[Any]) -> dict[str, Any]:
    """The rows by their first item, if that is text and no other row has it."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if _is_row(row):
            found.setdefault(row[0], []).append(row)
    return {key: rows[0] for key, rows in found.items() if len(rows) == 1}


def _is_row(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 1 and isinstance(value[0], str)


def _of_items(key: str, result: Any, expected: Any) -> list[str]:
    """The differences between two rows with the same first item.

    Pairs are compared by their values, other rows by position.
    """
    if len(result) == len(expected) == 2:
        return list(_of_values(key, result[1], expected[1]))
    # those of a Row, or of a Record, as of any namedtuple
    names = getattr(result, "__fields__", getattr(result, "_fields", None))
    if names is not None and len(result) == len(expected):
        rows = [dict(zip(names, row, strict=True)) for row in (result, expected)]
        return list(_of_values(key, *rows))
    return list(_of_values(key, result, expected))


def _of_values(path: str, result: Any, expected: Any) -> Iterator[str]:
    """The differences between two values, part by part if their parts are of a kind.

    A text that is JSON has the parts of the JSON.
    """
    if isinstance(expected, Contains):
        result, expected = expected.within(result), expected.parts
    parts = _parts(result), _parts(expected)
    parted = list(_of_parts(path, *parts)) if type(parts[0]) is type(parts[1]) else []
    if parted:
        yield from parted
        return
    shown, wanted = _pair(result, expected)
    yield f"{path}: expected {wanted}, last {shown}"


def _of_parts(path: str, result: Any, expected: Any) -> Iterator[str]:
    """The differences between parts. Nothing if there are none, or none that differ."""
    if isinstance(result, dict):
        for name, value in expected.items():
            if name not in result:
                yield f"{path}{_step(name)}: missing, expected {shorten(value)}"
            elif not equal(result[name], value):
                yield from _of_values(path + _step(name), result[name], value)
        for name, value in result.items():
            if name not in expected:
                yield f"{path}{_step(name)}: unexpected, last {shorten(value)}"
    elif isinstance(result, list) and len(result) == len(expected):
        for place, (value, wanted) in enumerate(zip(result, expected, strict=True)):
            if not equal(value, wanted):
                yield from _of_values(f"{path}[{place}]", value, wanted)


def _parts(value: Any) -> Any:
    """A dict or list, if the value is one or is the JSON of one, otherwise None."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return None


def _step(name: Any) -> str:
    """The step to a part of a dict."""
    is_plain = isinstance(name, str) and name.isidentifier()
    return f".{name}" if is_plain else f"[{shorten(name)}]"


def _without(values: list[Any], others: list[Any]) -> list[Any]:
    counts = Counts(others)
    return [value for value in values if not counts[value]]


def _once(values: list[Any]) -> list[Any]:
    """Each value of a list once."""
    kept: list[Any] = []
    for value in values:
        if len(kept) > SHOWN_ITEMS:
            break  # the rest is not shown
        if not Counts(kept)[value]:
            kept.append(value)
    return kept


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN_ITEMS
    return lines if more <= 0 else [*lines[:SHOWN_ITEMS], f"  ... and {more} more"]


def _pair(one: Any, other: Any) -> tuple[str, str]:
    """Both as text, shortened alike, so that the difference is visible."""
    texts = _text(one), _text(other)
    pairs = enumerate(zip(*texts, strict=False))
    differ = (place for place, (left, right) in pairs if left != right)
    same = next(differ, min(map(len, texts)))
    start = same - SHOWN_BEFORE if same > SHOWN_CHARACTERS - SHOWN_BEFORE else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _text(value: Any) -> str:
    """The repr in one line."""
    return re.sub(r"\s*\n\s*", " ", represented(value))


def _cut(text: str, start: int) -> str:
    if start:
        text = f"...{text[start:]}"
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[: SHOWN_CHARACTERS - 3]}..."
