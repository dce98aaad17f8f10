"""A few histories show the difference between an oracle and one with a fault.

The fault is in one line. Their queries need not run for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from tests.histories.faults import faulty_module

from . import oracles
from .jobs import JOBS
from .model import History
from .oracles import Oracle
from .strategies import histories

FEWEST = 50
"""The long run has at least this many histories for most operators."""

FAULTS = {
    "windows: late rows count": (
        "windows",
        "if start + WIDTH <= self.watermark:",
        "if start + WIDTH <= 0:",
    ),
    "windows: a row is late by its own time": (
        "updated windows",
        "if start + WIDTH <= self.watermark:",
        "if row.time <= self.watermark:",
    ),
    "windows: the end is in them": (
        "sliding windows",
        "while start + WIDTH > row.time:",
        "while start + WIDTH >= row.time:",
    ),
    "windows: the watermark must be past the end": (
        "windows",
        "if one[1] + WIDTH <= self.watermark}",
        "if one[1] + WIDTH < self.watermark}",
    ),
    "sessions: a row alone is one": (
        "sessions",
        "for one in list(filter(own.touches, self.sessions)):",
        "for one in []:",
    ),
    "sessions: a row that fits one is not late": (
        "sessions",
        "if own.end <= self.watermark:",
        "if own.end <= self.watermark and not any(map(own.touches, self.sessions)):",
    ),
    "sessions: a row at the end is not of it": (
        "sessions",
        "self.start <= other.end and other.start <= self.end",
        "self.start < other.end and other.start < self.end",
    ),
    "distinct: nothing is forgotten": (
        "distinct",
        "self.seen = {one for one in self.seen if one[1] > self.watermark}",
        "pass",
    ),
    "distinct within watermark: each row extends it": (
        "distinct within watermark",
        "if row.key not in self.until:",
        "if row.key not in self.until or self.until.update({row.key: row.time}):",
    ),
    "distinct within watermark: a millisecond longer": (
        "distinct within watermark",
        "if until > self.watermark}",
        "if until >= self.watermark}",
    ),
    "joined: the range ends before its end": (
        "joined",
        "a.time <= b.time <= a.time + RANGE",
        "a.time <= b.time < a.time + RANGE",
    ),
    "joined: the left is held as long as the right": (
        "joined",
        "if row.time + RANGE >= self.watermark]",
        "if row.time >= self.watermark]",
    ),
    "joined: the faster side makes the watermark": (
        "joined",
        "slowest = min(",
        "slowest = max(",
    ),
    "joined: how far each side was outlives a restart": (
        "joined",
        "self.newest = {}\n\n",
        "pass\n\n",
    ),
    "applyInPandasWithState: a time-out at its time": (
        "applyInPandasWithState",
        "if last + TIME_OUT < self.watermark",
        "if last + TIME_OUT <= self.watermark",
    ),
    "transformWithState: one timer a key": (
        "transformWithState",
        "self.timers |= {",
        "self.timers = {",
    ),
    "transformWithState: a timer after its time": (
        "transformWithState",
        "if due <= self.watermark:",
        "if due < self.watermark:",
    ),
    "any: the watermark is that of a batch's own rows": (
        "distinct",
        "self.watermark = max(self.watermark, slowest - self.delay)",
        "self.watermark = max(0, slowest - self.delay)",
    ),
}


@pytest.fixture
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A job, and its oracle with the fault."""
    name, line, fault = FAULTS[request.param]
    with faulty_module(oracles, line, fault, tmp_path) as module:
        yield JOBS[name], getattr(module, JOBS[name].oracle.__name__)


@pytest.mark.parametrize("faulty", FAULTS, indirect=True)
def test_a_fault_of_an_oracle_is_found(faulty: Any) -> None:
    """One of a few histories finds it."""
    job, wrong = faulty
    found = []

    @given(drawn=histories())
    @settings(
        max_examples=FEWEST, derandomize=True, database=None, phases=[Phase.generate]
    )
    def each(drawn: History) -> None:
        fitting = job.fitting(drawn)
        found.append(shown(job.oracle, fitting) != shown(wrong, fitting))

    each()
    assert any(found)


def shown(kind: type[Oracle], history: History) -> list[Any]:
    """Everything that a history shows of an oracle."""
    oracle = kind(history.delay)
    seen: list[Any] = []
    for step in history.steps:
        if history.stepped or step.restart:
            oracle.restart()
        seen.append(sorted(oracle.step(step.rows)))
        seen.append((oracle.watermark, oracle.dropped, oracle.accepted))
        seen.append({part: sorted(rows) for part, rows in oracle.state().items()})
    return seen
