"""How a result differs from what was expected, in a few lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from spark_kafka_testkit._text import represented
from spark_kafka_testkit._waits.equality import (
    Counts,
    Table,
    distinct,
    equal,
    plain,
    unmatched,
)
from spark_kafka_testkit._waits.matchers import Contains

__all__ = ["Difference", "difference", "named", "raised", "shorten", "unmet"]

SHOWN_ITEMS = 10
SHOWN_CHARACTERS = 120
SHOWN_BEFORE = 20
BRIEF_CHARACTERS = 100  # of one difference in a headline
MANY = 1000

Show = Callable[[int], str]
"""Takes how many characters of each value to show."""


@dataclass(frozen=True)
class Difference:
    """How a result differs from what was expected.

    Attributes:
        brief: the first difference, and how many more there are.
        lines: the first differences of each kind.
        is_brief: whether `brief` says all that the lines say.
    """

    brief: str
    lines: Sequence[str]
    is_brief: bool

    @property
    def rest(self) -> Sequence[str]:
        """What to show below `brief`."""
        return () if self.is_brief else self.lines


def difference(result: Any, expected: Any) -> Difference:
    """How a result differs from what was expected.

    Dicts are compared key by key, and values with parts by the path to the part. For
    lists, tuples, sets, arrays and the rows of frames, it lists what is missing,
    repeated and unexpected. Anything else is shown side by side. Long values are
    shortened around the place where they differ.
    """
    if isinstance(expected, Contains):
        result, expected = expected.within(plain(result)), expected.parts
    result, expected = plain(result), plain(expected)
    if isinstance(result, Table) and isinstance(expected, Table):
        items = _of_tables(result, expected)
    elif isinstance(result, Mapping) and isinstance(expected, Mapping):
        items = _of_mappings(result, expected)
    elif isinstance(result, (list, tuple, Set)) and isinstance(
        expected, (list, tuple, Set)
    ):
        items = _of_sequences(list(result), list(expected))
    else:
        items = []
    first, *others = items or [_Item("different", _unequal("", result, expected))]
    told, is_whole = _brief(first.show)
    if first.kind != "different":
        told = f"{first.kind} {told}"
    return Difference(
        f"{told}, and {len(others)} more" if others else told,
        list(_listed([first, *others])),
        is_whole and not others,
    )


def unmet(result: Any, predicate: Callable[[Any], Any]) -> Difference:
    """That a result is not what a predicate accepts."""
    told, is_whole = _brief(_showing(result, f"{named(predicate)} is not true of "))
    return Difference(told, [f"  last:     {shorten(result)}"], is_whole)


def raised(error: Exception, expected: Any, *, is_predicate: bool) -> Difference:
    """That there was an error instead of a result."""
    wanted = f"{named(expected)} is true" if is_predicate else shorten(expected)
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    first = text.partition("\n")[0]
    told, is_whole = _brief(partial(_cut, first, 0))
    lines = [f"  expected: {wanted}"]
    if first != text or not is_whole:
        lines.append(f"  last:     {text}")
    return Difference(told, lines, False)


def shorten(value: Any, characters: int = SHOWN_CHARACTERS) -> str:
    """The repr of a value, shortened if it is long."""
    return _cut(_text(value), 0, characters)


def named(predicate: Callable[[Any], Any]) -> str:
    """A function's name and where it is defined. A lambda has no other name."""
    code = getattr(predicate, "__code__", None)
    name = getattr(predicate, "__name__", represented(predicate))
    if code is None:
        return name
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})"


@dataclass(frozen=True)
class _Item:
    """One difference: missing, different, repeated or unexpected."""

    kind: str
    show: Show

    def __str__(self) -> str:
        return f"  {self.kind + ':':<12}{self.show(SHOWN_CHARACTERS)}"


def _brief(show: Show) -> tuple[str, bool]:
    """A text that fits into a headline, and whether nothing is cut off."""
    text = ""
    for characters in range(SHOWN_CHARACTERS, SHOWN_BEFORE, -20):
        text = show(characters)
        if len(text) <= BRIEF_CHARACTERS:
            return text, characters == SHOWN_CHARACTERS
    return _cut(text, 0, SHOWN_CHARACTERS), False


def _listed(items: Sequence[_Item]) -> Iterator[str]:
    """The first lines of each kind."""
    for _, group in groupby(items, lambda item: item.kind):
        alike = list(group)
        yield from map(str, alike[:SHOWN_ITEMS])
        if (more := len(alike) - SHOWN_ITEMS) > 0:
            yield f"  ... and {more} more"


def _showing(value: Any, before: str = "", after: str = "") -> Show:
    return lambda characters: f"{before}{shorten(value, characters)}{after}"


def _unequal(path: str, result: Any, expected: Any) -> Show:
    def show(characters: int) -> str:
        shown, wanted = _pair(result, expected, characters)
        text = f"expected {wanted}, last {shown}"
        return f"{path}: {text}" if path else text

    return show


def _of_mappings(result: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[_Item]:
    missing = [
        _Item("missing", _showing(value, f"{shorten(key)}: "))
        for key, value in expected.items()
        if key not in result
    ]
    different = [
        _Item("different", show)
        for key, value in expected.items()
        if key in result and not equal(result[key], value)
        for show in _of_values(shorten(key), result[key], value)
    ]
    unexpected = [
        _Item("unexpected", _showing(value, f"{shorten(key)}: "))
        for key, value in result.items()
        if key not in expected
    ]
    return [*missing, *different, *unexpected]


def _of_tables(result: Table, expected: Table) -> list[_Item]:
    """The first part in which they differ."""
    for name in ("kind", "columns", "labels"):
        pair = getattr(result, name), getattr(expected, name)
        if not equal(*pair):
            return [_Item("different", _unequal(name, *pair))]
    return _of_sequences(result.rows, expected.rows) or [
        _Item("different", _unequal("", result.rows, expected.rows))
    ]


def _of_sequences(result: list[Any], expected: list[Any]) -> list[_Item]:
    missing, unexpected = unmatched(expected, result)
    if len(missing) + len(unexpected) > MANY:  # too many to look for pairs among them
        return [
            *(_Item("missing", _showing(value)) for value in missing),
            *(_Item("unexpected", _showing(value)) for value in unexpected),
        ]
    different, missing, unexpected = _same_key(missing, unexpected)
    wanted, there = Counts(expected), Counts(result)
    few = [value for value in missing if there[value]]
    many = [value for value in unexpected if wanted[value]]

    def counted(value: Any) -> Show:
        counts = f"expected {_times(wanted[value])}, found {_times(there[value])}"
        return _showing(value, after=f": {counts}")

    return [
        *(_Item("missing", _showing(value)) for value in _without(missing, few)),
        *(_Item("missing", counted(value)) for value in distinct(few)),
        *(_Item("different", show) for show in different),
        *(_Item("repeated", counted(value)) for value in distinct(many)),
        *(_Item("unexpected", _showing(value)) for value in _without(unexpected, many)),
    ]


def _same_key(
    missing: list[Any], unexpected: list[Any]
) -> tuple[list[Show], list[Any], list[Any]]:
    """The differences between missing and unexpected values with the same key.

    Also the remaining missing and unexpected values. The key of a pair or row is its
    first item, if no other value has it.
    """
    wanted, seen = _by_key(missing), _by_key(unexpected)
    shared = [key for key in wanted if key in seen]
    different = [
        show
        for key in shared
        for show in _of_items(shorten(key), seen[key], wanted[key])
    ]
    kept = [
        [value for value in values if not (_is_row(value) and value[0] in shared)]
        for values in (missing, unexpected)
    ]
    return different, kept[0], kept[1]


def _by_key(rows: list[Any]) -> dict[str, Any]:
    """The rows by their first item, if that is text and no other row has it."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if _is_row(row):
            found.setdefault(row[0], []).append(row)
    return {key: rows[0] for key, rows in found.items() if len(rows) == 1}


def _is_row(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 1 and isinstance(value[0], str)


def _of_items(key: str, result: Any, expected: Any) -> list[Show]:
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


def _of_values(path: str, result: Any, expected: Any) -> Iterator[Show]:
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
    yield _unequal(path, result, expected)


def _of_parts(path: str, result: Any, expected: Any) -> Iterator[Show]:
    """The differences between parts. Nothing if there are none, or none that differ."""
    if isinstance(result, dict):
        for name, value in expected.items():
            if name not in result:
                yield _showing(value, f"{path}{_step(name)}: missing, expected ")
            elif not equal(result[name], value):
                yield from _of_values(path + _step(name), result[name], value)
        for name, value in result.items():
            if name not in expected:
                yield _showing(value, f"{path}{_step(name)}: unexpected, last ")
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


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _pair(one: Any, other: Any, characters: int) -> tuple[str, str]:
    """Both as text, shortened alike, so that the difference is visible."""
    texts = _text(one), _text(other)
    pairs = enumerate(zip(*texts, strict=False))
    differ = (place for place, (left, right) in pairs if left != right)
    same = next(differ, min(map(len, texts)))
    start = same - SHOWN_BEFORE if same > characters - SHOWN_BEFORE else 0
    return _cut(texts[0], start, characters), _cut(texts[1], start, characters)


def _text(value: Any) -> str:
    """The repr in one line."""
    return re.sub(r"\s*\n\s*", " ", represented(value))


def _cut(text: str, start: int, characters: int) -> str:
    if start:
        text = f"...{text[start:]}"
    if len(text) <= characters:
        return text
    return f"{text[: characters - 3]}..."
