"""What is equal to what, for all that compares an answer with what was expected.

docs/streaming.md, "What is equal", says it for users.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

__all__ = ["AnyOrder", "equal", "unmatched"]

PLAIN = (
    type(None),
    int,
    float,
    complex,
    decimal.Decimal,
    str,
    bytes,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    uuid.UUID,
)
"""Types whose hash goes with their `==`; `bool` is an `int`, `datetime` a `date`."""


class AnyOrder(list[Any]):
    """Items whose order does not matter; each counts as often as it is there."""


def equal(one: Any, other: Any) -> bool:
    """Whether both are the same answer: as by `==`, but for these.

    NaN equals NaN. Arrays and series (NumPy, pandas, Polars, Arrow) are as lists of
    their values, and tables are equal where columns, their names and a pandas index
    are. An `AnyOrder` equals the same items in any order. It all holds for what is
    nested, too.

    Raises:
        TypeError: a Spark DataFrame, which holds no answer yet.
    """
    if one is other:
        return True
    one, other = _opened(one), _opened(other)
    if isinstance(one, AnyOrder) or isinstance(other, AnyOrder):
        if not (isinstance(one, list) and isinstance(other, list)):
            return False
        return len(one) == len(other) and unmatched(one, other) == ([], [])
    if _are_alike(one, other):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, OrderedDict) and isinstance(other, OrderedDict):
        return equal(list(one.items()), list(other.items()))  # as by `==`, in order
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in one and equal(one[key], value) for key, value in other.items()
        )
    if _is_nan(one) and _is_nan(other):
        return True
    same = one == other
    try:
        return bool(same.all() if hasattr(same, "all") else same)
    except (TypeError, ValueError):  # pandas' NA is neither equal nor unequal
        return False


def unmatched(
    ones: Iterable[Any], others: Iterable[Any]
) -> tuple[list[Any], list[Any]]:
    """What is left of each when equal items are taken out of both, pair by pair."""
    left, right = list(map(_Item, ones)), list(map(_Item, others))
    spare = Counter(item.key for item in right)
    left = [item for item in left if not _take(spare, item.key)]
    right = [
        item for item in reversed(right) if item.key is None or _take(spare, item.key)
    ][::-1]
    if any(item.key is None for item in (*left, *right)):  # mock.ANY, say
        left, right = _without_pairs(left, right)
    return [item.value for item in left], [item.value for item in right]


def _take(spare: Counter[Hashable], key: Hashable) -> bool:
    """Takes one with this key, if there is one left; one without a key has no like."""
    has = key is not None and spare[key] > 0
    spare[key] -= has
    return has


class _Item:
    """An item, and a key that equal items share: None where only `==` can tell."""

    def __init__(self, value: Any) -> None:
        self.value = value
        try:
            self.key: Hashable = _key(value)
        except _NoKeyError:
            self.key = None


class _NoKeyError(Exception):
    """The item is of a type whose `==` may do anything."""


def _key(item: Any) -> Hashable:
    item = _opened(item)
    if _is_nan(item):
        return ("NaN",)
    if isinstance(item, PLAIN):
        return ("plain", item)
    if isinstance(item, (bytearray, memoryview)):
        return ("plain", bytes(item))
    if isinstance(item, tuple):
        return ("tuple", *map(_key, item))
    if isinstance(item, list) and not isinstance(item, AnyOrder):
        return ("list", *map(_key, item))
    if isinstance(item, Mapping):
        return ("mapping", frozenset((name, _key(item[name])) for name in item))
    raise _NoKeyError


def _without_pairs(
    left: list[_Item], right: list[_Item]
) -> tuple[list[_Item], list[_Item]]:
    """The same by `equal`, for items without a key: as many pairs as there can be, by
    augmenting paths, since an item may fit several others.
    """
    fits = [
        [
            place
            for place, other in enumerate(right)
            if (item.key is None or other.key is None)
            and equal(item.value, other.value)
        ]
        for item in left
    ]
    partner: dict[int, int] = {}  # by place on the right, the index on the left

    def find_place(index: int, seen: set[int]) -> bool:
        for place in fits[index]:
            if place in seen:
                continue
            seen.add(place)
            if place not in partner or find_place(partner[place], seen):
                partner[place] = index
                return True
        return False

    for index in range(len(left)):
        find_place(index, set())
    paired = set(partner.values())
    return (
        [item for index, item in enumerate(left) if index not in paired],
        [item for place, item in enumerate(right) if place not in partner],
    )


def _are_alike(one: Any, other: Any) -> bool:
    """Two lists, or two tuples; a Row is a tuple. A list is not one, as in Python."""
    return any(
        isinstance(one, kind) and isinstance(other, kind) for kind in (list, tuple)
    )


def _is_nan(item: Any) -> bool:
    return isinstance(item, (float, decimal.Decimal)) and item != item


def _opened(item: Any) -> Any:
    """Arrays, series and tables as plain lists and dicts; all else as it is."""
    kind = type(item)
    if kind.__module__ == "builtins":
        return item  # nearly always
    module = kind.__module__.partition(".")[0]
    if module == "numpy" and hasattr(item, "tolist"):
        return item.tolist()  # of a scalar the scalar
    if module == "pandas":
        if kind.__name__ == "DataFrame":
            index = item.index.tolist()
            columns = {name: item[name].tolist() for name in item.columns}
            return {"index": index, "columns": columns}
        if hasattr(item, "tolist"):
            return item.tolist()
    if module == "polars":
        if kind.__name__ == "DataFrame":
            return item.to_dict(as_series=False)
        if kind.__name__ == "Series":
            return item.to_list()
    if module == "pyarrow":
        if hasattr(item, "to_pydict"):
            return item.to_pydict()
        if hasattr(item, "to_pylist"):
            return item.to_pylist()
    if module == "pyspark" and kind.__name__ == "DataFrame":
        raise TypeError(
            "A Spark DataFrame can't be compared: give its rows, df.collect(), or "
            "df.toPandas()."
        )
    return item
