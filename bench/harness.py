"""Rows and their contestants, which take turns and are judged by medians and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = [
    "AtLeast",
    "AtMost",
    "Contestant",
    "Measured",
    "Row",
    "RowResult",
    "Target",
    "TargetResult",
    "measure",
    "median_of",
    "seconds_of",
    "show_seconds",
    "show_steps",
]

KIT = "kit"


@dataclass(frozen=True)
class Contestant:
    """One way to do a row's work.

    Attributes:
        name: its name in the table. The kit's own is `KIT`.
        run: does the work once and returns the seconds, without any preparation.
        share: the part of the row's work that one run does. Slow contestants do less,
            and their time is divided by it.
    """

    name: str
    run: Callable[[], float]
    share: float = 1.0


@dataclass(frozen=True)
class AtMost:
    """A limit that the kit's median must not exceed."""

    seconds: float

    def judge(self, row: RowResult) -> TargetResult:
        median = row.kit.median
        return TargetResult(
            f"≤ {show_seconds(self.seconds)}",
            show_seconds(median),
            median <= self.seconds,
        )


@dataclass(frozen=True)
class AtLeast:
    """A factor by which the kit must be faster than the best of the others.

    Attributes:
        factor: the factor.
        versus: the names of the others.
        label: a name for the others together.
    """

    factor: float
    versus: tuple[str, ...]
    label: str

    def judge(self, row: RowResult) -> TargetResult:
        best = min(
            (row.of(name) for name in self.versus), key=lambda other: other.median
        )
        ratio = row.ratio(best)
        return TargetResult(
            f"≥ {self.factor:.3g} x {self.label}",
            f"{ratio:.2f} x",
            ratio >= self.factor,
        )


class Target(Protocol):
    """A goal of a row."""

    def judge(self, row: RowResult) -> TargetResult:
        """Judge whether the measurements reach it."""


@dataclass(frozen=True)
class TargetResult:
    """A target, what was measured, and whether the target is met."""

    target: str
    found: str
    met: bool


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: its name on the command line.
        title: its title in the table.
        contestants: all contestants, the kit's own first.
        targets: what the kit must reach.
        profile: returns lines that say where the kit's time goes. It runs after the
            measuring.
        notes: what a reader must know to interpret the figures.
        most_runs: a limit to the rounds, for a row that takes long.
        close: releases what the row holds.
    """

    name: str
    title: str
    contestants: Sequence[Contestant]
    targets: Sequence[Target] = ()
    profile: Callable[[], list[str]] | None = None
    notes: Sequence[str] = ()
    most_runs: int = 100
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Measured:
    """A contestant's times in seconds, for the whole of the row's work.

    They are the time of the first call, and of the runs after it in their order.
    """

    name: str
    first: float
    runs: Sequence[float]
    share: float

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True)
class RowResult:
    """The result of a row."""

    name: str
    title: str
    measured: Sequence[Measured]
    notes: Sequence[str] = ()
    targets: Sequence[TargetResult] = field(default_factory=list)
    profile: Sequence[str] = field(default_factory=list)

    @property
    def kit(self) -> Measured:
        return self.measured[0]

    def of(self, name: str) -> Measured:
        return next(one for one in self.measured if one.name == name)

    def ratio(self, other: Measured) -> float:
        """The time of the other as a multiple of the kit's.

        It is the median over the rounds, and both had their turn in each round.
        """
        return statistics.median(
            its / ours for its, ours in zip(other.runs, self.kit.runs, strict=True)
        )

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "contestants": [
                {
                    "name": one.name,
                    "share": one.share,
                    "first_seconds": one.first,
                    "seconds": list(one.runs),
                    "median_seconds": one.median,
                    "ratio_to_kit": self.ratio(one),
                }
                for one in self.measured
            ],
            "targets": [vars(target) for target in self.targets],
            "profile": list(self.profile),
            "notes": list(self.notes),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RowResult:
        """The inverse of `to_data`."""
        return cls(
            data["name"],
            data["title"],
            [
                Measured(
                    one["name"], one["first_seconds"], one["seconds"], one["share"]
                )
                for one in data["contestants"]
            ],
            data["notes"],
            [TargetResult(**target) for target in data["targets"]],
            data["profile"],
        )


def measure(
    row: Row, runs: int, progress: Callable[[str], None] = lambda _: None
) -> RowResult:
    """Run a row.

    Each contestant runs once (its first call). Then come the rounds, each of which
    begins with another contestant.
    """
    contestants = list(row.contestants)
    firsts: dict[str, float] = {}
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    for one in contestants:
        progress(f"{row.name}: first call of {one.name}")
        firsts[one.name] = one.run() / one.share
    rounds = min(runs, row.most_runs)
    for turn in range(rounds):
        start = turn % len(contestants)
        for one in contestants[start:] + contestants[:start]:
            progress(f"{row.name}: round {turn + 1} of {rounds}, {one.name}")
            times[one.name].append(one.run() / one.share)
    measured = [
        Measured(one.name, firsts[one.name], times[one.name], one.share)
        for one in contestants
    ]
    bare = RowResult(row.name, row.title, measured)
    progress(f"{row.name}: profile")
    return RowResult(
        row.name,
        row.title,
        measured,
        row.notes,
        [target.judge(bare) for target in row.targets],
        row.profile() if row.profile is not None else [],
    )


def seconds_of(work: Callable[[], object]) -> float:
    """The seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_of(calls: int, work: Callable[[], object]) -> float:
    """The median of several calls, for work that takes milliseconds."""
    return statistics.median(seconds_of(work) for _ in range(calls))


def show_seconds(seconds: float) -> str:
    """A duration for a reader: 2.1 ms, 0.43 s, 12 s."""
    if seconds < 0.1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s"


def show_steps(steps: Mapping[str, float]) -> str:
    """The seconds of several steps, in one line."""
    return ", ".join(f"{step} {show_seconds(taken)}" for step, taken in steps.items())
