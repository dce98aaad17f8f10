"""A job's answer, and when two answers are the same."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._text import readable
from spark_kafka_testkit._waits.equality import (
    Counts,
    distinct,
    equal,
    plain,
    unmatched,
)

__all__ = [
    "ANSWERS",
    "OTHER",
    "Answers",
    "Kind",
    "is_close",
    "readable_record",
    "without_close",
]

Kind = Literal["rows", "latest", "set", "by_partition"]
ANSWERS: tuple[Kind, ...] = ("rows", "latest", "set", "by_partition")
TOLERANCE = 1e-9
LEAST = 1e-12
"""What is below this may be what is left of a sum that cancels out."""

DECIMAL = re.compile(r"-?\d+\.\d+(?:[eE][+-]?\d+)?")
FLOAT_DIGITS = 15
OTHER = "-other"
"""The suffix that turns a key into another key."""


class Answers:
    """How the answers of a job are compared.

    Args:
        kind: one of `ANSWERS`, or a function that turns what the sink holds into the
            answer.
        key: the columns that make up a row's key, for `"latest"`. None means the column
            `key`.
        is_default: whether the user did not choose the kind.
    """

    def __init__(
        self,
        kind: Kind | Callable[[Any], Any],
        key: Sequence[str] | None,
        *,
        is_default: bool = False,
    ) -> None:
        self.kind, self.is_default = kind, is_default
        self._key = key

    def of(self, held: Any, topics: Mapping[str, str]) -> Any:
        """The answer, from what a sink holds.

        Each run has topics of its own, and rows may have a column `topic`. So topics
        are replaced by the names of their inputs.

        Args:
            held: rows, or the records of a topic. A function may also take a `JobRun`.
            topics: the topics of the run, by the names of the inputs.

        Raises:
            ValueError: a row lacks a column of the key.
        """
        return _replaced(self._of(held), {t: name for name, t in topics.items()})

    def _of(self, held: Any) -> Any:
        if callable(self.kind):
            return self.kind(held)
        if self.kind == "latest":
            return {self.key_of(one): _content(one) for one in held}
        if self.kind == "by_partition":
            parts: dict[int, list[Any]] = {}
            for record in held:
                parts.setdefault(record.partition, []).append(_content(record))
            return parts
        rows = list(map(_content, held))
        return distinct(rows) if self.kind == "set" else rows

    def key_of(self, one: Any) -> Any:
        """The key of a row or record.

        Raises:
            ValueError: the row lacks a column of the key.
        """
        if isinstance(one, Record):
            return one.key
        names = getattr(one, "__fields__", [])
        wanted = self._key or ["key"]
        if lacking := [name for name in wanted if name not in names]:
            raise ValueError(
                'answer="latest" needs the key of a row: the rows have no column '
                f"{lacking[0]!r}, only {', '.join(names)}. Give key=, a column name or "
                "a list of them."
            )
        values = tuple(_immutable(one[name]) for name in wanted)
        return values[0] if len(values) == 1 else values

    def without_others(self, answer: Any) -> Any:
        """An answer without what belongs to other keys.

        None, the answer of a job that died, stays None.
        """
        if answer is None:
            return None
        if self.kind == "by_partition":
            kept = {number: _without_others(rows) for number, rows in answer.items()}
            return {number: rows for number, rows in kept.items() if rows}
        if isinstance(answer, dict):
            return {key: value for key, value in answer.items() if not _is_other(key)}
        return _without_others(answer)

    def are_same(self, expected: Any, answer: Any, *, repeats: bool) -> bool:
        """Whether two answers are the same, with a tolerance for floats.

        Args:
            expected: the expected answer.
            answer: the answer of the run.
            repeats: whether the answer may repeat rows, because the sink is
                at-least-once.
        """
        if self.kind in ("rows", "set"):
            return _are_alike(expected, answer, repeats=repeats)
        return is_close(expected, answer)


def _content(one: Any) -> Any:
    if isinstance(one, Record):
        return one.key, one.value
    return tuple(map(_immutable, one))


def _immutable(value: Any) -> Any:
    """The value, but a bytearray as bytes: Spark before 4.1 collects bytearrays."""
    return bytes(value) if isinstance(value, bytearray) else value


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """The value with these texts replaced in it. It is the same if it has none."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        items = [
            (_replaced(key, names), _replaced(one, names)) for key, one in value.items()
        ]
        return value if items == [*value.items()] else dict(items)
    if isinstance(value, (set, frozenset)):
        return type(value)(_replaced(one, names) for one in value)
    if isinstance(value, (list, tuple)):
        parts = [_replaced(one, names) for one in value]
        if all(map(operator.is_, parts, value)):
            return value
        return parts if isinstance(value, list) else tuple(parts)
    return value


def _without_others(rows: Any) -> Any:
    return [row for row in rows if not _is_other(row)]


def _is_other(value: Any) -> bool:
    """Whether a value is another key, or contains one."""
    if isinstance(value, (list, tuple)):
        return any(map(_is_other, value))
    text = readable(value) if isinstance(value, bytes) else value
    return isinstance(text, str) and OTHER in text.lower()


def _are_alike(expected: Any, answer: Any, *, repeats: bool) -> bool:
    if not isinstance(answer, list):
        return False
    missing, unexpected = unmatched(expected, answer)
    if repeats and unexpected:
        counts = Counts(expected)
        unexpected = [row for row in unexpected if not counts[row]]
    return not any(without_close(missing, unexpected))


def without_close(
    ones: Sequence[Any], others: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """What remains of each list when nearly equal values are removed pair by pair."""
    left, rest = [], list(others)
    for one in ones:
        near = [place for place, other in enumerate(rest) if is_close(one, other)]
        if near:
            rest.pop(near[0])
        else:
            left.append(one)
    return left, rest


def is_close(one: Any, other: Any) -> bool:
    """Whether two values are equal, with a tolerance for floats."""
    one, other = plain(one), plain(other)
    if isinstance(one, float) and isinstance(other, float):
        return equal(one, other) or _are_close(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return one == other or _are_close_texts(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in other and is_close(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_close, one, other))
    return equal(one, other)


def _are_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=LEAST)


def _are_close_texts(one: str, other: str) -> bool:
    """Whether two texts, for example JSON, differ only in floats that are nearly equal.

    One of two numbers must have so many digits that it shows how floats are rounded:
    `1.10` is not `1.1`.
    """
    if DECIMAL.split(one) != DECIMAL.split(other):
        return False
    pairs = zip(DECIMAL.findall(one), DECIMAL.findall(other), strict=True)
    return all(a == b or _are_close_floats(a, b) for a, b in pairs)


def _are_close_floats(one: str, other: str) -> bool:
    is_rounded = max(_digits(one), _digits(other)) >= FLOAT_DIGITS
    return is_rounded and _are_close(float(one), float(other))


def _digits(number: str) -> int:
    """How many digits a number has, but zeros at its beginning."""
    mantissa = re.split("[eE]", number)[0]
    return sum(map(str.isdigit, mantissa.lstrip("-0.")))


def readable_record(record: Record) -> Record:
    """The record with its key and value as text, if they are UTF-8."""
    key, value = _immutable(record.key), _immutable(record.value)
    return record._replace(
        key=readable(key) if isinstance(key, bytes) else key,
        value=readable(value) if isinstance(value, bytes) else value,
    )
