"""Random schedules that ask nothing of a job that it has not promised."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, cycle

from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.relations import MODES
from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    Batch,
    Crash,
    DeleteRecords,
    Idle,
    Place,
    Replay,
    Restart,
    Schedule,
    Send,
    Start,
    Step,
)

__all__ = ["Generator", "Promise"]

MOST_CUTS = 5
PARTITIONS = (1, 2, 3, 4)
SHUFFLE = (1, 2, 3, 5)
HOURS = (1, 5, 30)
BESIDE = 0.25
TURNS_ALONE = 2
STILL = 0.001
OFTEN, SELDOM = 0.5, 0.25
NEED_A_BATCH = ("crashes", "retention")


@dataclass(frozen=True)
class Promise:
    """How much disorder in event time a job tolerates.

    Attributes:
        late: how late a record may come, in milliseconds. None means any delay, because
            the job has no watermark.
    """

    late: int | None

    def bears(self, behind: int) -> bool:
        """Whether a record may come in a later batch than a newer one.

        Spark treats a record as late if it is behind by exactly the watermark's delay.

        Args:
            behind: how much newer the other record is, in milliseconds.
        """
        return self.late is None or behind <= 0 or behind < self.late


class Generator:
    """A generator of random schedules.

    Args:
        inputs: the records to send.
        promise: see `Promise`.
        relations: what the answer must not depend on.
        crash_points: the points at which a batch of the job can be lost.
        partitions: the number of partitions of the source topics, unless a schedule
            varies it.
    """

    def __init__(
        self,
        inputs: Inputs,
        promise: Promise,
        relations: Sequence[str],
        crash_points: Sequence[Crash],
        partitions: int,
    ) -> None:
        self._inputs, self._promise = inputs, promise
        self._relations = [one for one in relations if one not in MODES]
        self._crash_points = crash_points
        self._partitions = partitions

    def make(self, number: int, rng: random.Random) -> Schedule | None:
        """The schedule of a trial, or None if there is nothing to vary.

        Args:
            number: the number of the trial. It decides which relation has its turn.
            rng: the source of randomness.
        """
        if not self._relations:
            return None
        turn, which = divmod(number, len(self._relations))
        first = self._relations[which]
        focus = {first}
        # at first each relation alone, which is quick to run and to shrink
        if turn >= TURNS_ALONE:
            focus |= {one for one in self._relations if rng.random() < BESIDE}
        if first != "retention":
            focus.discard("retention")  # a job may die of it, which hides the rest
        if first == "idle":
            focus.discard("triggers")  # availableNow uses no clock
        return self._of(focus, first, turn, rng)

    def _of(
        self, focus: set[str], first: str, turn: int, rng: random.Random
    ) -> Schedule:
        partitions, shuffle = self._partitions, Schedule(()).shuffle
        if "partitions" in focus:
            partitions, shuffle = rng.choice(PARTITIONS), rng.choice(SHUFFLE)
        if first == "partitions":
            partitions = self._numbers[turn % len(self._numbers)]
        order = list(self._inputs.places)
        if "arrival" in focus:
            names = list(self._inputs.records)
            by_turn = first == "arrival" and len(names) > 1
            still = names[turn % len(names)] if by_turn else None
            order = self._interleaved(partitions, still, rng)
        if "duplicates" in focus:
            order = self._with_more(order, "again", rng)
        if "other_keys" in focus:
            order = self._with_more(order, "other", rng)
        parts = [order]
        if "batches" in self._relations:
            parts = self._cut(order, rng.randint(self._fewest(first), MOST_CUTS), rng)
        if first == "retention" and len(parts) == 1:
            parts = [order[:1], order[1:]]
        steps = list(self._steps(parts, partitions, focus, first, rng))
        by_start = "triggers" in focus
        is_busy = not by_start and "batches" in focus and rng.random() < SELDOM
        return Schedule(tuple(steps), partitions, shuffle, is_busy, by_start).tidy()

    def _fewest(self, first: str) -> int:
        """The fewest cuts that a trial asks for."""
        if first == "partitions":
            return MOST_CUTS  # there is more choice of where to add a partition
        if first == "crashes":  # a part for each point
            return min(len(self._crash_points) - 1, MOST_CUTS)
        return 1

    def _steps(
        self,
        parts: list[list[Place]],
        partitions: int,
        focus: Collection[str],
        first: str,
        rng: random.Random,
    ) -> Iterable[Step]:
        # the part at which the trial's own relation certainly has its turn
        # (a job can't miss what is deleted before it has read anything)
        begin = 1 if first == "retention" else 0
        turn, grown = rng.randrange(begin, len(parts)), ""
        if first == "partitions":
            turn, grown = rng.choice(self._growths(parts, partitions))
        points = cycle(rng.sample(self._crash_points, len(self._crash_points)))
        # a crash takes as long as several batches, so each point has one turn
        most = min(len(parts), len(self._crash_points))
        losing = rng.sample(range(len(parts)), most)
        is_before = (
            "restarts" in focus and first not in NEED_A_BATCH and rng.random() < SELDOM
        )
        for number, part in enumerate(parts):
            is_turn = number == turn

            def wants(relation: str, chance: float, is_turn: bool = is_turn) -> bool:
                if relation not in focus:
                    return False
                return (is_turn and relation == first) or rng.random() < chance

            yield Send(tuple(part))
            # a start makes a batch of what was sent, so nothing would be left to lose
            needs_batch = is_turn and first in NEED_A_BATCH
            is_taken = True
            if is_before and number == 0:
                yield Start()
            elif "restarts" in focus and not needs_batch and rng.random() < SELDOM:
                yield Restart()
            else:
                is_taken = False
            if "retention" in focus and is_turn:
                yield DeleteRecords(part[0].input)
            is_lost = (
                number in losing if first == "crashes" else wants("crashes", OFTEN)
            )
            yield next(points) if is_lost and not is_taken else Batch()
            if wants("replays", SELDOM):
                yield Replay()
            if wants("restarts", OFTEN):
                yield Restart()
            if "triggers" not in focus and wants("idle", OFTEN):
                yield Idle(rng.choice(HOURS))
            if grown and is_turn:
                yield AddPartition(grown)
            elif not grown and wants("partitions", SELDOM):
                yield AddPartition(rng.choice(sorted(self._inputs.records)))

    @cached_property
    def _numbers(self) -> list[int]:
        """The numbers of partitions, in the order in which they are tried.

        The first is the one where adding a partition moves the most records that share
        a key.
        """

        def moving(partitions: int) -> int:
            return sum(
                count * count
                for name in self._inputs.records
                for count in self._moved(self._inputs.places, name, partitions).values()
            )

        most = max(PARTITIONS, key=moving)
        return [most, *(number for number in PARTITIONS if number != most)]

    def _growths(
        self, parts: list[list[Place]], partitions: int
    ) -> list[tuple[int, str]]:
        """Where to add a partition: after which part, and for which input.

        These are the choices that separate the most records from earlier ones of their
        key. After the last part, the new partition would get no records.
        """
        parted = {}
        for number in range(max(len(parts) - 1, 1)):
            for name in self._inputs.records:
                before = self._moved(chain(*parts[: number + 1]), name, partitions)
                after = self._moved(chain(*parts[number + 1 :]), name, partitions)
                pairs = sum(before[key] * after[key] for key in before)
                parted[number, name] = pairs
        most = max(parted.values())
        return [where for where, pairs in parted.items() if pairs == most]

    def _moved(
        self, places: Iterable[Place], name: str, partitions: int
    ) -> Counter[bytes | None]:
        """How many records of each key of an input one more partition would move."""
        return Counter(
            self._inputs.key(place)
            for place in places
            if place.input == name
            and self._inputs.partition(place, partitions)
            != self._inputs.partition(place, partitions + 1)
        )

    def _interleaved(
        self, partitions: int, still: str | None, rng: random.Random
    ) -> list[Place]:
        """A random order of arrival that keeps the order within each partition.

        Records come no later than the job tolerates, as far as the order within
        partitions permits.

        Args:
            partitions: the number of partitions of each topic.
            still: the input whose records wait for as long as the job tolerates, or
                None.
            rng: the source of randomness.
        """
        queues: dict[tuple[str, int], list[Place]] = {}
        for place in self._inputs.places:
            where = place.input, self._inputs.partition(place, partitions)
            queues.setdefault(where, []).append(place)
        left = list(queues.values())
        # one may lag for long, like a partition whose broker is away
        weights = [
            rng.choice((1, 1, 10)) * (STILL if name == still else 1)
            for name, _ in queues
        ]
        order: list[Place] = []
        while any(left):
            oldest = min(self._inputs.time(p) for queue in left for p in queue)
            fair = [
                number
                for number, queue in enumerate(left)
                if queue and self._promise.bears(self._inputs.time(queue[0]) - oldest)
            ] or [
                min(
                    (n for n, queue in enumerate(left) if queue),
                    key=lambda n: self._inputs.time(left[n][0]),
                )
            ]
            (chosen,) = rng.choices(fair, [weights[number] for number in fair])
            order.append(left[chosen].pop(0))
        return order

    def _with_more(
        self, order: list[Place], form: str, rng: random.Random
    ) -> list[Place]:
        """The records, some of them followed by a copy of this form."""
        more: list[Place] = []
        for place in order:
            more.append(place)
            if not place.form and rng.random() < OFTEN:
                more.append(replace(place, form=form))
        return more

    def _cut(
        self, order: list[Place], count: int, rng: random.Random
    ) -> list[list[Place]]:
        """Cut the records into parts at random, with at most `count` cuts.

        A cut is allowed only if no record after it is later than the job tolerates.
        """
        times = [self._inputs.time(place) for place in order]
        places = []
        newest = times[0]
        for cut in range(1, len(order)):
            newest = max(newest, times[cut - 1])
            if self._promise.bears(newest - min(times[cut:])):
                places.append(cut)
        cuts = sorted(rng.sample(places, min(count, len(places))))
        return [
            order[begin:end]
            for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True)
        ]
