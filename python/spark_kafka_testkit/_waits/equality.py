"""What equals what, in every comparison that the kit makes.

That is results with expected ones, rows, and records with those that are waited for.
The rule is described in docs/streaming.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from numbers import Number
from types import FunctionType, MappingProxyType
from typing import Any, NamedTuple

__all__ = [
    "Counts",
    "InAnyOrder",
    "Table",
    "distinct",
    "equal",
    "key_of",
    "plain",
    "unmatched",
]

ATOMS = frozenset({str, bytes, int, bool, type(None)})
FAMILIES: dict[Any, type] = {list: list, tuple: list, Mapping: dict, Set: set}
# A container with its own `==`, perhaps a matcher, is asked, and not looked into.
CONTAINERS = (list, tuple, dict, OrderedDict, MappingProxyType, Mapping)
USUAL_EQ: frozenset[Any] = frozenset(
    container.__eq__ for container in (*CONTAINERS, set, frozenset, Set)
)
NAN, MAPPING, SET = object(), object(), object()
FEW_PAIRS = 10_000


class InAnyOrder(list[Any]):
    """A list whose order does not count."""


class Table(NamedTuple):
    """A frame, a table or a series, in the form in which it is compared.

    Attributes:
        kind: the library, and the class.
        columns: their names, or None for a series.
        labels: the labels of the rows, if they have some: pandas' index.
        values: the values, column by column.
    """

    kind: str
    columns: list[Any] | None
    labels: list[Any] | None
    values: list[list[Any]]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*self.values, strict=True))


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal.

    Raises:
        TypeError: a Spark DataFrame, which has no values until it is collected, or a
            type whose `==` returns neither true nor false.
    """
    if one is other:
        return True
    value_type = type(one)
    if value_type is type(other) and value_type in ATOMS:
        return bool(one == other)
    if _takes(one, other) or _takes(other, one):
        return True
    one, other = plain(one), plain(other)
    family = _family(one.__class__)
    if family is None or family is not _family(other.__class__):
        return _equal_by_operator(one, other)
    if isinstance(one, InAnyOrder) or isinstance(other, InAnyOrder):
        return len(one) == len(other) and not any(unmatched(one, other))
    # Item by item: for a list's own `==`, an array of one item equals the item.
    if len(one) != len(other):
        return False
    if family is list:
        return all(map(equal, one, other))
    if family is set:
        return not any(unmatched(list(one), list(other)))
    if isinstance(one, OrderedDict) and isinstance(other, OrderedDict):
        return equal(list(one.items()), list(other.items()))
    if all(key in other for key in one):
        return all(equal(value, other[key]) for key, value in one.items())
    return not any(unmatched(list(one.items()), list(other.items())))


def unmatched(
    ones: Sequence[Any], others: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """What remains of each when equal values are removed from both, pair by pair."""
    places: dict[Any, list[int]] = {}
    for place, value in enumerate(others):
        places.setdefault(key_of(value), []).append(place)
    places.pop(None, None)
    left, taken = [], set()
    for value in ones:
        if equal_places := places.get(key_of(value)):
            taken.add(equal_places.pop())
        else:
            left.append(value)
    rest = [value for place, value in enumerate(others) if place not in taken]
    return _unpaired(left, rest)


class Counts:
    """How often values are in a list, where equal values count as the same.

    Args:
        values: the list.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._by_key: dict[Any, list[Any]] = {}
        self._values: list[Any] = []
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        self._by_key.setdefault(key_of(value), []).append(value)
        self._values.append(value)

    def __getitem__(self, value: Any) -> int:
        key = key_of(value)
        if key is None:
            return sum(equal(value, other) for other in self._values)
        alike = [*self._by_key.get(key, ()), *self._by_key.get(None, ())]
        return sum(equal(value, other) for other in alike)


def distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once."""
    seen, kept = Counts([]), []
    for value in values:
        if not seen[value]:
            seen.add(value)
            kept.append(value)
    return kept


def plain(value: Any) -> Any:
    """An array as lists, a frame as a `Table`, and anything else as it is."""
    convert = _converter(value.__class__)
    return value if convert is None else convert(value)


def _equal_by_operator(one: Any, other: Any) -> bool:
    """Whether `==` says so from either side, since either may be a matcher."""
    answers = [_truth(one == other, one, other)]
    if not answers[0] and type(one) is not type(other):
        answers.append(_truth(other == one, one, other))
    if any(answers):
        return True
    if _is_spark_frame(one) or _is_spark_frame(other):
        raise TypeError(
            "A Spark DataFrame has no rows to compare until you fetch them. Give its "
            "collect() or its toPandas()."
        )
    if None in answers and False not in answers:
        raise TypeError(
            f"The kit can't tell whether a {type(one).__name__} equals a "
            f"{type(other).__name__}: their == is neither true nor false. Give a "
            "function of the result instead of an expected value."
        )
    if type(one) is not type(other) and not (
        isinstance(one, Number) and isinstance(other, Number)
    ):
        return False
    return _is_nan(one) and _is_nan(other)


def _takes(matcher: Any, value: Any) -> bool:
    """Whether a matcher that may look for an array or frame accepts it as it is."""
    return (
        _converter(value.__class__) is not None
        and _converter(matcher.__class__) is None
        and isinstance(type(matcher).__eq__, FunctionType)
        and bool(_truth(matcher == value, matcher, value))
    )


def _truth(answer: Any, one: Any, other: Any) -> bool | None:
    """The result of an `==`, or None if it is neither true nor false."""
    if isinstance(answer, bool):
        return answer
    if answer is one or answer is other:
        return False  # pandas.NA, which is equal to nothing else
    try:
        return bool(answer)
    except Exception:  # noqa: BLE001  NumPy, pandas and Spark raise different errors
        return None


def _is_nan(value: Any) -> bool:
    """Whether it is NaN, in any kind of number, or not-a-time.

    No such value equals itself.
    """
    root = type(value).__module__.partition(".")[0]
    if not isinstance(value, Number) and root not in ("numpy", "pandas"):
        return False
    try:
        return bool(value != value)
    except Exception:  # noqa: BLE001  for example a signaling NaN
        return False


def key_of(value: Any) -> Any:
    """A key that equal values share, for look-ups.

    None if they may share nothing, as with matchers.
    """
    try:
        return _hashed(value)
    except TypeError:
        return None


def _hashed(value: Any) -> Any:
    if type(value) in ATOMS:
        return (value,) if value is None else value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    value = plain(value)
    family = _family(value.__class__)
    if family is list and not isinstance(value, InAnyOrder):
        return tuple(map(_hashed, value))
    if family is set:
        return SET, frozenset(map(_hashed, value))
    if family is dict and not isinstance(value, OrderedDict):
        return MAPPING, frozenset(map(_hashed, value.items()))
    hash(value)  # raises a TypeError if it has no hash
    return NAN if isinstance(value, Number) and _is_nan(value) else value


def _unpaired(ones: list[Any], others: list[Any]) -> tuple[list[Any], list[Any]]:
    """What remains when values that are equal but share no key are paired off.

    Compares each with each if that is cheap, otherwise only those without a key.
    """
    every = len(ones) * len(others) <= FEW_PAIRS
    odd = {
        place for place, value in enumerate(others) if every or key_of(value) is None
    }
    edges = [
        [
            place
            for place in (range(len(others)) if every or key_of(value) is None else odd)
            if equal(value, others[place])
        ]
        for value in ones
    ]
    pairs = _most_pairs(edges)
    taken = set(pairs.values())
    return (
        [value for place, value in enumerate(ones) if place not in pairs],
        [value for place, value in enumerate(others) if place not in taken],
    )


def _most_pairs(edges: list[list[int]]) -> dict[int, int]:
    """The most pairs possible, where each left value fits some of the right ones.

    A matcher that holds the only partner of another one takes a new partner.
    """
    right_of: dict[int, int] = {}
    left_of: dict[int, int] = {}
    for start in range(len(edges)):
        reached_from: dict[int, int] = {}
        to_try = [start]
        while to_try:
            left = to_try.pop()
            for right in edges[left]:
                if right in reached_from:
                    continue
                reached_from[right] = left
                if right in left_of:
                    to_try.append(left_of[right])
                    continue
                while True:  # back to the start: each takes the new partner
                    taker = reached_from[right]
                    before = right_of.get(taker)
                    left_of[right], right_of[taker] = taker, right
                    if before is None:
                        break
                    right = before  # noqa: PLW2901
                to_try = []
                break
    return right_of


@lru_cache(maxsize=512)
def _family(value_type: Any) -> type | None:
    """Which containers it is compared with item by item: list, dict or set."""
    if value_type.__eq__ not in USUAL_EQ:
        return None
    families = (FAMILIES[base] for base in FAMILIES if issubclass(value_type, base))
    return next(families, None)


def _pandas_column(series: Any) -> list[Any]:
    """The values, with None for what is missing, however pandas represents that."""
    values: list[Any] = series.astype(object).where(series.notna(), None).tolist()
    return values


def _pandas_frame(frame: Any) -> Table:
    return Table(
        "pandas.DataFrame",
        list(frame.columns),
        list(frame.index),
        [_pandas_column(frame.iloc[:, place]) for place in range(frame.shape[1])],
    )


def _arrow_table(table: Any) -> Table:
    values = [column.to_pylist() for column in table.columns]
    return Table("pyarrow.Table", list(table.schema.names), None, values)


def _numpy_time(time: Any) -> Any:
    """The time as Python's, if microseconds can express it."""
    micros = time.astype(f"{time.dtype.kind}8[us]")
    return micros.item() if micros == time else time


CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "numpy.number": lambda number: number.item(),
    "numpy.bool": lambda truth: truth.item(),
    "numpy.bool_": lambda truth: truth.item(),
    "numpy.datetime64": _numpy_time,
    "numpy.timedelta64": _numpy_time,
    "numpy.ndarray": lambda array: list(array) if array.ndim else array[()],
    "pandas.DataFrame": _pandas_frame,
    "pandas.Series": lambda series: Table(
        "pandas.Series", None, list(series.index), [_pandas_column(series)]
    ),
    "pandas.Index": lambda index: Table("pandas.Index", None, None, [list(index)]),
    "polars.DataFrame": lambda frame: Table(
        "polars.DataFrame",
        frame.columns,
        None,
        [column.to_list() for column in frame.get_columns()],
    ),
    "polars.Series": lambda series: Table(
        "polars.Series", None, None, [series.to_list()]
    ),
    "pyarrow.Table": _arrow_table,
    "pyarrow.RecordBatch": _arrow_table,
    "pyarrow.Array": lambda array: array.to_pylist(),
    "pyarrow.ChunkedArray": lambda array: array.to_pylist(),
    "pyarrow.Scalar": lambda scalar: scalar.as_py(),
}
"""Keyed by library and class name, so that no library has to be imported."""


@lru_cache(maxsize=512)
def _converter(value_type: Any) -> Callable[[Any], Any] | None:
    names = map(_short_name, value_type.__mro__)
    return next((CONVERTERS[name] for name in names if name in CONVERTERS), None)


def _is_spark_frame(value: Any) -> bool:
    return "pyspark.DataFrame" in map(_short_name, type(value).__mro__)


def _short_name(value_type: type) -> str:
    return f"{value_type.__module__.partition('.')[0]}.{value_type.__name__}"
