"""How a result differs from what was expected, in few lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

from spark_kafka_testkit._text import represented
from spark_kafka_testkit._waits.equality import Table, equal, plain, unmatched

__all__ = ["difference", "named", "shorten"]

SHOWN_ITEMS = 10
SHOWN_CHARACTERS = 120
SHOWN_BEFORE = 20


def difference(result: Any, expected: Any) -> str:
    """How a result differs; long values are cut, around where they differ.

    Dicts key by key; lists, tuples, sets, arrays, and the rows of frames by what is
    missing and unexpected; all else side by side.
    """
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
    """The repr of a value, cut where it is long."""
    return _cut(_text(value), 0)


def named(predicate: Callable[[Any], Any]) -> str:
    """A function's name and where it stands; a lambda has no other."""
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
    different = []
    for key, value in expected.items():
        if key in result and not equal(result[key], value):
            shown, wanted = _pair(result[key], value)
            different.append(
                f"  different:  {shorten(key)}: expected {wanted}, last {shown}"
            )
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
    return [
        *_first([f"  missing:    {shorten(value)}" for value in missing]),
        *_first([f"  unexpected: {shorten(value)}" for value in unexpected]),
    ]


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN_ITEMS
    return lines if more <= 0 else [*lines[:SHOWN_ITEMS], f"  ... and {more} more"]


def _pair(one: Any, other: Any) -> tuple[str, str]:
    """Both as text, cut alike, so that where they differ is seen."""
    texts = _text(one), _text(other)
    pairs = enumerate(zip(*texts, strict=False))
    differ = (place for place, (left, right) in pairs if left != right)
    same = next(differ, min(map(len, texts)))
    start = same - SHOWN_BEFORE if same > SHOWN_CHARACTERS - SHOWN_BEFORE else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _text(value: Any) -> str:
    """Its repr, in one line."""
    return re.sub(r"\s*\n\s*", " ", represented(value))


def _cut(text: str, start: int) -> str:
    if start:
        text = f"...{text[start:]}"
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[: SHOWN_CHARACTERS - 3]}..."
