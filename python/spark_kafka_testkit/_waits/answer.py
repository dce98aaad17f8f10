"""What a stream has answered: how to read it, and what it may be compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.equality import InAnyOrder, unmatched
from spark_kafka_testkit._waits.matchers import Contains

__all__ = ["Answer", "End", "RowsAnswer"]

End: TypeAlias = dict[int, int] | list[Any]
"""How far an answer was read: offsets by partition, or the rows that were there."""


class Answer(ABC):
    """The answer of a stream, wherever it writes to.

    Args:
        since: the end of an earlier answer, whose contents are left out. None includes
            everything.

    Attributes:
        since: as given.
        end: up to where it was last read.
    """

    def __init__(self, since: End | None) -> None:
        self.since = since
        self.end: End | None = since

    @abstractmethod
    def read(self, wanted: Any) -> Any:
        """The current answer, in the form that `wanted` returned."""

    @abstractmethod
    def mark(self) -> End:
        """Up to where it currently goes."""

    @abstractmethod
    def _check_kind(self, expected: Any) -> None:
        """Raise a TypeError if this can't be an answer."""

    @abstractmethod
    def _check_item(self, place: int, item: Any) -> None:
        """Raise a TypeError if this can't be an item of a list."""

    def wanted(self, expected: Any) -> Any:
        """What is expected, in the form in which it is compared.

        The order of a list does not count.

        Raises:
            TypeError: it can't be an answer.
        """
        items = expected.parts if isinstance(expected, Contains) else expected
        self._check_kind(items)
        if isinstance(items, Iterable) and not (
            isinstance(items, Mapping) or callable(items)
        ):
            items = list(items)
            for place, item in enumerate(items):
                self._check_item(place, item)
            return expected if isinstance(expected, Contains) else InAnyOrder(items)
        return expected

    @staticmethod
    def is_lacking(wanted: Any, last: Any) -> bool:
        """Whether part of what is wanted may still be to come."""
        parts = wanted.parts if isinstance(wanted, Contains) else wanted
        if isinstance(parts, Mapping) and isinstance(last, Mapping):
            return any(key not in last for key in parts)
        if isinstance(parts, list) and isinstance(last, list):
            missing, unexpected = unmatched(parts, last)
            return len(missing) > (0 if parts is not wanted else len(unexpected))
        return True

    def explain(self, wanted: Any, last: Any) -> Iterator[str]:
        """Why the answer differs from what is wanted, if its form shows that.

        Args:
            wanted: the result of `wanted`.
            last: the result of `read`.
        """
        yield from ()


class RowsAnswer(Answer):
    """An answer in rows, from Spark's memory sink, files or a function.

    Args:
        rows: a function that returns a list of them, or a DataFrame.
        since: see `Answer`.
    """

    def __init__(self, rows: Callable[[], Any], since: End | None = None) -> None:
        super().__init__(since)
        self._rows = rows

    def read(self, wanted: Any) -> Any:
        rows = self.end = self.mark()
        if self.since:
            _, rows = unmatched(list(self.since), rows)
        items = wanted.parts if isinstance(wanted, Contains) else wanted
        if isinstance(items, list) and any(isinstance(row, dict) for row in items):
            return [_as_dict(row) for row in rows]
        return rows

    def mark(self) -> list[Any]:
        rows = self._rows()
        if hasattr(rows, "collect"):
            rows = rows.collect()
        if not isinstance(rows, (list, tuple)):
            raise TypeError(
                "answer must return a list of rows or a DataFrame, not "
                f"{type(rows).__name__}"
            )
        return list(rows)

    def _check_kind(self, expected: Any) -> None:
        if expected is None or isinstance(expected, (str, bytes, int, float, Mapping)):
            raise TypeError(
                "expected must be a list of rows, as the sink has them, not "
                f"{type(expected).__name__}"
            )

    def _check_item(self, place: int, item: Any) -> None:
        if isinstance(item, (str, bytes, int, float)):
            raise TypeError(
                f"expected[{place}] must be a row: a tuple, a dict or a Row, not "
                f"{type(item).__name__}. Write ({shown(item)},)"
            )


def _as_dict(row: Any) -> Any:
    return row.asDict(recursive=True) if hasattr(row, "asDict") else row
