"""Rows of growth: the time per record, and the memory, from few records to many."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.harness import (
    Contestant,
    Row,
    RowResult,
    TargetResult,
    seconds_of,
)
from bench.memory import DIRECTIONS, ResidentMemory, generated, measure_in_child
from bench.world import World

__all__ = ["rows"]

FACTORS = (1, 0.01, 0.1, 10)
MOST_RUNS = 3
MOST_CALLS = 10
FEW = 10
MEMORY_MIB = 200


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {
        "growth-send": lambda: growth_of_send(world),
        "growth-read": lambda: growth_of_read(world),
        "memory": lambda: memory(world),
    }


@dataclass(frozen=True)
class Linear:
    """A limit to the difference between any time per record and the first one."""

    within: float

    def judge(self, row: RowResult) -> TargetResult:
        ratios = [one.median / row.kit.median for one in row.measured]
        return TargetResult(
            f"time per record within {self.within:.0%}",
            f"{min(ratios):.2f} to {max(ratios):.2f} of that of {row.kit.name}",
            all(abs(ratio - 1) <= self.within for ratio in ratios),
        )


def growth_of_send(world: World) -> Row:
    """`send_messages` from a generator."""
    characters = world.options.value_characters

    def send(count: int) -> float:
        with world.topic() as topic:
            return seconds_of(
                lambda: world.kafka.send_messages(topic, generated(count, characters))
            )

    assert world.spark is not None
    return _growth(world, "growth-send", "send_messages from a generator", send)


def growth_of_read(world: World) -> Row:
    """`iter_records`, record by record."""
    characters = world.options.value_characters
    topics: dict[int, str] = {}
    assert world.spark is not None

    def topic_of(count: int) -> str:
        if count not in topics:
            topics[count] = world.new_topic()
            world.kafka.send_messages(topics[count], generated(count, characters))
        return topics[count]

    def read(count: int) -> float:
        topic = topic_of(count)
        return seconds_of(lambda: sum(1 for _ in world.kafka.iter_records(topic)))

    row = _growth(world, "growth-read", "iter_records", read)
    return replace(row, close=lambda: world.kafka.delete_topics(list(topics.values())))


def _growth(world: World, name: str, title: str, run: Callable[[int], float]) -> Row:
    """The same work on growing numbers of records.

    Each result is scaled to the reference number, after the time of a call with next to
    no records is subtracted. Short calls are made several times, and their median
    counts.
    """
    counts = [round(world.options.records * factor) for factor in FACTORS]
    run(counts[0])  # warm before the fixed part is measured
    fixed = statistics.median(run(FEW) for _ in range(MOST_CALLS))

    def contestant(count: int) -> Contestant:
        calls = max(1, min(MOST_CALLS, counts[0] // count // 10))

        def measured() -> float:
            return statistics.median(run(count) for _ in range(calls)) - fixed

        return Contestant(f"{count:,} records", measured, count / counts[0])

    def profile() -> list[str]:
        lines = []
        for count in sorted(counts):
            with ResidentMemory(world.processes) as memory:
                run(count)
            more = ", ".join(f"{who} {mib:.0f}" for who, mib in memory.growth.items())
            lines.append(f"{count:,} records: MiB more resident memory: {more}")
        return lines

    return Row(
        name,
        f"{title}: growth, as the time for {counts[0]:,} records",
        [contestant(count) for count in counts],
        [Linear(0.15)],
        profile,
        [f"what a call with {FEW} records takes, {fixed * 1000:.0f} ms, is taken off"],
        most_runs=MOST_RUNS,
    )


@dataclass(frozen=True)
class Bounded:
    """A limit to the growth of any process's resident memory, in any run.

    Attributes:
        mib: the limit.
        direction: `send_messages` or `iter_records`.
        grown: MiB by process for each run, filled in by the runs.
    """

    mib: float
    direction: str
    grown: Sequence[Mapping[str, float]]

    def judge(self, row: RowResult) -> TargetResult:
        most = {
            who: max(run[who] for run in self.grown) for who in ("Python", "the JVM")
        }
        return TargetResult(
            f"{self.direction}: no process ≤ {self.mib:.0f} MiB more",
            ", ".join(f"{who} {more:.0f} MiB" for who, more in most.items()),
            max(most.values()) <= self.mib,
        )


def memory(world: World) -> Row:
    """2 million records of 500 bytes, sent from a generator and read record by record.

    Each runs in a fresh Python and a fresh JVM of Spark's default size.
    """
    grown: dict[str, list[dict[str, float]]] = {}

    def contestant(direction: str) -> Contestant:
        runs = grown.setdefault(direction, [])

        def run() -> float:
            found = measure_in_child(world.kafka.broker, direction)
            runs.append(found)
            return found["seconds"]

        return Contestant(direction, run)

    return Row(
        "memory",
        "memory: 2,000,000 records of 500 bytes, streamed",
        [contestant(direction) for direction in DIRECTIONS],
        [Bounded(MEMORY_MIB, direction, grown[direction]) for direction in DIRECTIONS],
        most_runs=2,
    )
