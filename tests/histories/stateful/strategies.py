"""Histories of stateful queries: random ones, and one that shows many differences."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .model import MINUTE, SKIPPED, START, History, Row, Step, history

DELAYS = (0, 3, 10)
SPANS = (-5, 0, 5, 10, 10)
"""Minutes from a row, or from a multiple of five minutes, to where something begins or
ends for some operator.
"""
KEYS = ("la", "ra", "lb", "rb")
KINDS = ("near", "near", "late", "edge", "edge", "edge", "closer", "again")


TELLING = history(
    3,
    (("la", 60), ("ra", 60), ("lb", 61), ("rb", 61), ("la", 60)),
    (("la", 57), ("la", 58), ("ra", 66), ("skip", 99), ("lb", 69), ("rb", 68)),
    (("la", 45), ("la", 45), ("ra", 54), ("rb", 64), ("lb", 73), ("rb", 71)),
    (("la", 90), ("ra", 90)),
    (),
    (("la", 97), ("ra", 98), ("lb", 79), ("la", 90)),
    stepped=False,
)
"""A history that shows many differences.

It has rows that are late for one operator, or one of its windows, and not for another.
It has times that matter to a session, a duplicate and a pair alike, and rows far ahead,
which close what came before.
"""


@st.composite
def histories(draw: Any, most_steps: int = 4) -> History:
    """Rows near the watermark, far behind it, far ahead of it, and repeated."""
    delay = draw(st.sampled_from(DELAYS))
    stepped = draw(st.integers(0, 7)) == 0  # rarely, because it takes longer
    partitions = 2 if stepped else 1
    newest = START + 60 * MINUTE
    watermark = newest - 30 * MINUTE
    sent: list[Row] = []
    steps = []
    for number in range(draw(st.integers(2, most_steps))):
        rows = []
        for _ in range(draw(st.integers(0 if number else 1, 6))):
            kind = draw(st.sampled_from(KINDS))
            if kind == "again" and sent:
                rows.append(draw(st.sampled_from(sent)))
                continue
            if kind == "late":
                time = watermark - draw(st.integers(1, 30)) * MINUTE
            elif kind == "edge":
                # the row is at the edge, or the watermark that it causes
                begin = draw(st.sampled_from([*(row.time for row in sent), newest]))
                if draw(st.booleans()):
                    begin = begin // (5 * MINUTE) * 5 * MINUTE
                span = draw(st.sampled_from(SPANS)) + draw(st.sampled_from([0, delay]))
                time = begin + span * MINUTE + draw(st.sampled_from([0, 0, -1, 1]))
            elif kind == "closer":
                time = newest + draw(st.integers(10, 40)) * MINUTE
            else:
                time = newest + draw(st.integers(-max(delay, 8), 6)) * MINUTE
            key = draw(st.sampled_from((*KEYS, *KEYS, SKIPPED)))
            row = Row(key, time, draw(st.integers(0, partitions - 1)))
            rows.append(row)
            sent.append(row)
        # like a query of one stream, which leaves out skipped rows
        newest = max([newest, *(row.time for row in rows if row.key != SKIPPED)])
        watermark = max(watermark, newest - delay * MINUTE)
        restart, looks = draw(st.integers(0, 3)) == 0, draw(st.integers(0, 2)) == 0
        steps.append(Step(tuple(rows), restart, looks))
    return History(delay, stepped, tuple(steps))
