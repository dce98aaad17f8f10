"""A job's answer, and when two answers are the same."""

from __future__ import annotations

import math
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
OTHER = "-other"
"""The suffix that turns a key into another key."""


class Answers:
    """How the answers of a job are compared.

    Args:
        kind: one of `ANSWERS`, or a function that turns what the sink holds into the
            answer.
        key: the columns that make up a row's key, for `"latest"`. None means the column
            `key`.
    """

    def __init__(
        self, kind: Kind | Callable[[Any], Any], key: Sequence[str] | None
    ) -> None:
        self.kind = kind
        self._key = key

    def of(self, held: Any) -> Any:
        """The answer, from what a sink holds.

        Args:
            held: rows, or the records of a topic. A function may also take a `JobRun`.

        Raises:
            ValueError: a row lacks a column of the key.
        """
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


def _without_others(rows: Any) -> Any:
    return [row for row in rows if not _is_other(row)]


def _is_other(value: Any) -> bool:
    """Whether a value is another key, or contains one."""
    if isinstance(value, (list, tuple)):
        return any(map(_is_other, value))
    text = readable(value) if isinstance(value, bytes) else value
    return isinstance(text, str) and text.endswith(OTHER)


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
        return equal(one, other) or math.isclose(
            one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE**2
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in other and is_close(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_close, one, other))
    return equal(one, other)


def readable_record(record: Record) -> Record:
    """The record with its key and value as text, if they are UTF-8."""
    key, value = _immutable(record.key), _immutable(record.value)
    return record._replace(
        key=readable(key) if isinstance(key, bytes) else key,
        value=readable(value) if isinstance(value, bytes) else value,
    )
