"""Histories of a stateful query: what is sent to it, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01
SKIPPED = "skip"
"""The key of what every query filters out before it looks at its time."""


@dataclass(frozen=True)
class Row:
    """A record: its key, whose first letter is its side of a join, and its time in
    milliseconds.
    """

    key: str
    time: int
    partition: int = 0


@dataclass(frozen=True)
class Step:
    """What one batch reads; nothing is an empty step.

    Attributes:
        restart: whether the query is stopped and started from its checkpoint before.
        looks: whether the state is read after it, as it is after the last step; how
            many rows it has is looked at after each.
    """

    rows: tuple[Row, ...]
    restart: bool = False
    looks: bool = False


@dataclass(frozen=True)
class History:
    """What a query meets.

    Attributes:
        delay: of its watermark, minutes.
        stepped: whether each batch is a run of its own by `next_batch()`. Else the
            query goes on, and each step is a transaction, so that it sees all of it or
            nothing: in one partition, as another would show its part later.
    """

    delay: int
    stepped: bool
    steps: tuple[Step, ...]

    def of_one_stream(self) -> History:
        """The same where keys have no sides."""
        return self._changed(
            lambda row: row if row.key == SKIPPED else replace(row, key=row.key[1:])
        )

    def in_order(self) -> History:
        """The same in one partition, in which the order of a batch's rows is known."""
        return self._changed(lambda row: replace(row, partition=0))

    def _changed(self, change: Callable[[Row], Row]) -> History:
        steps = [
            replace(step, rows=tuple(map(change, step.rows))) for step in self.steps
        ]
        return replace(self, steps=tuple(steps))


def history(
    delay: int, *steps: tuple[tuple[str, float], ...], stepped: bool
) -> History:
    """One written by hand: of each row its key and its minutes after the start."""
    return History(
        delay,
        stepped,
        tuple(
            Step(tuple(Row(key, START + round(at * MINUTE)) for key, at in rows))
            for rows in steps
        ),
    )
