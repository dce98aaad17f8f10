"""The smallest schedule that still shows a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    Batch,
    Crash,
    DeleteRecords,
    Place,
    Replay,
    Schedule,
    Send,
    Step,
)

__all__ = ["shrink"]

MOST_KEYS = 3
FEW = 3
"""Parts of so many records are followed by single ones, which takes fewer runs."""

Candidates = Callable[[Schedule, Schedule], Iterator[Schedule]]


def shrink(
    schedule: Schedule,
    shows: Callable[[Schedule], bool],
    base: Schedule,
    keeps_order: Callable[[Schedule], bool] = lambda _: True,
    key_of: Callable[[Place], Any] = lambda _: None,
    is_suspect: Callable[[Any], bool] = lambda _: True,
) -> Schedule:
    """Make a schedule smaller as long as it still shows a difference.

    Its settings, steps and records are reduced.

    Args:
        schedule: a schedule that shows the difference.
        shows: a function that returns whether a smaller schedule shows it. It is called
            only once for each schedule.
        base: a schedule with the usual settings.
        keeps_order: a function that returns whether a schedule keeps the order within
            each partition. With another number of partitions, records go to other
            partitions.
        key_of: a function that returns the key of a record, or None. Most answers are
            per key.
        is_suspect: a function that returns whether the difference may concern a key.
    """
    by_key = partial(_by_key, key_of, is_suspect)

    asked = {schedule}

    def smaller(than: Schedule, candidates: Candidates) -> Schedule | None:
        for candidate in candidates(than, base):
            tidy = candidate.tidy()
            if tidy in asked or not (_has_sense(tidy) and keeps_order(tidy)):
                continue
            asked.add(tidy)
            if shows(tidy):
                return tidy
        return None

    def smallest(schedule: Schedule, candidates: Candidates) -> Schedule:
        while found := smaller(schedule, candidates):
            schedule = found
        return schedule

    before = None
    while schedule != before:
        before = schedule
        # with fewer records, the runs of what follows are shorter
        for candidates in (_plainest, by_key, _plainer, _plainest, _fewer_steps):
            schedule = smallest(schedule, candidates)
        for size in _sizes(len(schedule.places)):
            schedule = smallest(schedule, partial(_fewer_records, size))
    return schedule


def _sizes(count: int) -> Iterator[int]:
    """How many records to try at a time: halves, quarters, ..., then single ones."""
    size = (count + 1) // 2
    yield size
    while size > FEW:
        size = (size + 1) // 2
        yield size
    if size > 1:
        yield 1


def _has_sense(schedule: Schedule) -> bool:
    """Whether a schedule sends records of the inputs, and asks nothing new of the job.

    A batch is replayed, or a partition added, only when everything is processed.
    Otherwise the records of a key that moves could be in one batch with earlier ones.
    Records are deleted only when the job has begun to read.
    """
    if all(place.form == "other" for place in schedule.places):
        return False
    is_pending, has_read = True, False
    for step in schedule.steps:
        if is_pending and isinstance(step, (AddPartition, Replay)):
            return False
        if not has_read and isinstance(step, DeleteRecords):
            return False
        if isinstance(step, Send):
            is_pending = True
        elif isinstance(step, (Batch, Crash)):
            is_pending, has_read = False, True
    return True


def _plainest(schedule: Schedule, base: Schedule) -> Iterator[Schedule]:
    """The schedule with the usual settings, and nothing but sends and batches."""
    yield replace(base, steps=_plain(schedule))


def _plainer(schedule: Schedule, base: Schedule) -> Iterator[Schedule]:
    """The schedule with the usual settings, or with one of them.

    After that, the same with nothing but sends and batches.
    """
    for steps in (schedule.steps, _plain(schedule)):
        yield replace(base, steps=steps)
        yield replace(schedule, steps=steps, partitions=base.partitions)
        yield replace(schedule, steps=steps, shuffle=base.shuffle)
        yield replace(schedule, steps=steps, by_start=False)
        yield replace(schedule, steps=steps, is_busy=False)


def _plain(schedule: Schedule) -> tuple[Step, ...]:
    return tuple(map(_as_batch, filter(_is_plain, schedule.steps)))


def _kind(step: Step) -> object:
    return step if isinstance(step, Crash) else type(step)


def _is_plain(step: Step) -> bool:
    return isinstance(step, (Send, Batch, Crash))


def _as_batch(step: Step) -> Step:
    return Batch() if isinstance(step, Crash) else step


def _by_key(
    key_of: Callable[[Place], Any],
    is_suspect: Callable[[Any], bool],
    schedule: Schedule,
    _: Schedule,
) -> Iterator[Schedule]:
    """The schedule with only the records of one suspect key, or without those of a key.

    Keys with the most records come first, and keys with a single record are not tried.
    The keys that are left out are not suspects, unless all are.
    """
    groups: dict[Any, set[Place]] = {}
    for place in schedule.places:
        groups.setdefault(key_of(place), set()).add(place)
    groups.pop(None, None)
    most = sorted(groups, key=lambda key: len(groups[key]), reverse=True)
    large = [key for key in most if len(groups[key]) > 1]
    suspects = list(filter(is_suspect, large)) or large
    for key in suspects[:MOST_KEYS]:
        yield schedule.keeping(groups[key].__contains__)
    for key in [key for key in large if key not in suspects] or large:
        yield _without(schedule, groups[key])


def _fewer_records(size: int, schedule: Schedule, _: Schedule) -> Iterator[Schedule]:
    """The schedule with only one part of its records, or without one part.

    Args:
        size: the number of records in a part.
    """
    places = schedule.places
    parts = [set(places[n : n + size]) for n in range(0, len(places), size)]
    if size > 1 or len(places) <= 2:
        for part in parts:
            yield schedule.keeping(part.__contains__)
    for part in parts:
        yield _without(schedule, part)


def _without(schedule: Schedule, part: set[Place]) -> Schedule:
    rest = set(schedule.places) - part
    return schedule.keeping(rest.__contains__)


def _fewer_steps(schedule: Schedule, _: Schedule) -> Iterator[Schedule]:
    """The schedule with fewer or simpler steps.

    First, one kind of step besides sends and batches is kept. Then, one cut between
    batches is kept. Last, one step is left out, or one crash becomes a batch.
    """
    steps = schedule.steps
    for kind in dict.fromkeys(map(_kind, steps)):
        alone = tuple(
            step if _kind(step) == kind else _as_batch(step)
            for step in steps
            if _kind(step) == kind or _is_plain(step)
        )
        yield replace(schedule, steps=alone)
    cuts = [number for number, step in enumerate(steps[:-1]) if step == Batch()]
    others = cuts[: len(cuts) // 2] + cuts[len(cuts) // 2 + 1 :]
    yield replace(
        schedule, steps=tuple(s for n, s in enumerate(steps) if n not in others)
    )
    for number, step in enumerate(steps):
        if not isinstance(step, Send):
            yield replace(schedule, steps=steps[:number] + steps[number + 1 :])
        if isinstance(step, Crash):
            plain: tuple[Step, ...] = (Batch(),)
            yield replace(schedule, steps=steps[:number] + plain + steps[number + 1 :])
