"""Matchers, which can stand in for an expected value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from spark_kafka_testkit._text import represented
from spark_kafka_testkit._waits.equality import equal, unmatched

__all__ = ["Contains", "contains"]


class Contains:
    """Equals whatever has all of its parts, and maybe others. `contains` creates it.

    Attributes:
        parts: a dict, or a list of items.
    """

    def __init__(self, parts: Any) -> None:
        if not isinstance(parts, (Mapping, list, tuple, set, frozenset)):
            raise TypeError(
                "contains() accepts a dict or a list of items, not "
                f"{type(parts).__name__}"
            )
        self.parts = parts if isinstance(parts, Mapping) else list(parts)

    def within(self, value: Any) -> Any:
        """The part of the value that it asks about.

        A value of another kind is returned as it is.
        """
        if isinstance(self.parts, Mapping):
            if not isinstance(value, Mapping):
                return value
            return {key: value[key] for key in self.parts if key in value}
        if not _is_collection(value):
            return value
        _, others = unmatched(self.parts, list(value))
        return unmatched(list(value), others)[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Contains):
            return self is other
        if isinstance(self.parts, Mapping):
            return equal(self.within(other), self.parts)
        if not _is_collection(other):
            return False
        return not unmatched(self.parts, list(other))[0]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"contains({represented(self.parts)})"


def _is_collection(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def contains(parts: Any) -> Any:
    """Match a value that has these parts, and maybe others.

    Use it in place of an expected value.

    Args:
        parts: a dict, for these keys with these values. Or a list, a tuple or a set,
            for these items in any order, each as often as it is given. Parts may be
            matchers.

    Raises:
        TypeError: something else.

    Example:
        run.check_answer(contains({"a": contains({"total": 3})}))
    """
    return Contains(parts)
