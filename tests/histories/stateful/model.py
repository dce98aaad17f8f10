"""Histories of a stateful query: what is sent to it, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01
SKIPPED = "skip"
"""The key of rows that every query filters out before it looks at their time."""


@dataclass(frozen=True)
class Row:
    """A record.

    Attributes:
        key: its key, whose first letter is its side of a join.
        time: its timestamp, in milliseconds since the epoch.
        partition: its partition.
    """

    key: str
    time: int
    partition: int = 0


@dataclass(frozen=True)
class Step:
    """What one batch reads.

    Attributes:
        rows: the rows. An empty step has none.
        restart: whether the query is stopped before it, and started from its
            checkpoint.
        looks: whether the state is read after it. After the last step it always is. The
            number of rows in the state is checked after every step.
    """

    rows: tuple[Row, ...]
    restart: bool = False
    looks: bool = False


@dataclass(frozen=True)
class History:
    """What happens to a query.

    Attributes:
        delay: the delay of its watermark, in minutes.
        stepped: whether each batch is run by `next_batch()`. Otherwise the query keeps
            running, and each step is a transaction, so that it sees all of it or
            nothing. All rows are then in one partition, because those of another would
            appear later.
        steps: the steps.
    """

    delay: int
    stepped: bool
    steps: tuple[Step, ...]

    def of_one_stream(self) -> History:
        """The same history, with keys that have no side."""
        return self._changed(
            lambda row: row if row.key == SKIPPED else replace(row, key=row.key[1:])
        )

    def in_order(self) -> History:
        """The same history in one partition, so that the order of rows is known."""
        return self._changed(lambda row: replace(row, partition=0))

    def _changed(self, change: Callable[[Row], Row]) -> History:
        steps = [
            replace(step, rows=tuple(map(change, step.rows))) for step in self.steps
        ]
        return replace(self, steps=tuple(steps))


def history(
    delay: int, *steps: tuple[tuple[str, float], ...], stepped: bool
) -> History:
    """A history written by hand.

    Args:
        delay: the delay of the watermark, in minutes.
        steps: for each step, the key of each row and its minutes after `START`.
        stepped: see `History`.
    """
    return History(
        delay,
        stepped,
        tuple(
            Step(tuple(Row(key, START + round(at * MINUTE)) for key, at in rows))
            for rows in steps
        ),
    )
