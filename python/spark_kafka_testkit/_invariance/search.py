"""The search for a schedule by which a job answers otherwise than to all at once."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TypeVar

from spark_kafka_testkit._event_time import shown_time
from spark_kafka_testkit._invariance.finding import DETERMINISM, Finding
from spark_kafka_testkit._invariance.generate import Generator, Promise
from spark_kafka_testkit._invariance.relations import MODES, why_not
from spark_kafka_testkit._invariance.runs import Runs
from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    Crash,
    DeleteRecords,
    Idle,
    Replay,
    Restart,
    Schedule,
    Start,
)
from spark_kafka_testkit._invariance.shrink import shrink
from spark_kafka_testkit._invariance.stage import Outcome, Stage
from spark_kafka_testkit._invariance.trial import is_trigger
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["Search", "StreamReport"]

MOST_PROBES = 120
MOST_WRITES = 4

log = logging.getLogger(__name__)
T = TypeVar("T")
Pending = Callable[[], Finding | None]
"""A comparison whose runs have started. Calling it returns what it found."""


@dataclass(frozen=True)
class StreamReport:
    """What `check_stream` has looked at, where it has found nothing.

    Attributes:
        trials: how many random schedules were run.
        same_under: the relations that held; those that a schedule has varied.
        skipped: those that were not looked at, each with its reason.
        seed: of the schedules; None where one was given.
    """

    trials: int
    same_under: tuple[str, ...]
    skipped: Mapping[str, str]
    seed: int | None


@dataclass
class Search:
    """Looks for a schedule by which a job answers otherwise than to all at once.

    Args:
        stage: see `Stage`.
        runs: where the schedules are run.
        wanted: the relations.
        late: the promise of the job in milliseconds; None: what its watermark says.
        seed: of the schedules.
        tell: called after each random schedule.
    """

    stage: Stage
    runs: Runs
    wanted: Sequence[str]
    late: int | None
    seed: int | None
    tell: Callable[[], None]
    skipped: dict[str, str] = field(default_factory=dict)

    def run(self, numbers: Sequence[int]) -> Finding | StreamReport:
        """Runs random schedules; gives the smallest one that shows a difference, or
        tells that none did.

        Args:
            numbers: of the trials.

        Raises:
            Exception: what the job has died of when all came in one batch.
        """
        twice = self._twice(self._whole)
        reference = self._reference(self._whole)
        self._check(reference)
        if finding := twice():
            return self._smallest(finding, self._twice)
        held = [name for name in self.wanted if not self._skips(name, reference)]
        if "batch_mode" in held:
            finding = self._in_batch(self._whole)()
            if finding is not None:
                return self._smallest(finding, self._in_batch)
        if "real_time" in held and (finding := self._in_real_time(self._whole)()):
            return finding  # five seconds for each that is smaller
        held = [name for name in held if name not in self.skipped]
        schedules = list(self._schedules(held, reference, numbers))
        pending_ones = map(self._against_one_batch, schedules)
        # most wrong jobs show themselves as soon as each relation has had its turn:
        # until then few runs are begun that would be in vain
        alone = sum(name not in MODES for name in held)
        first = _ahead(islice(pending_ones, alone), 1)
        for pending in chain(first, _ahead(pending_ones, self.runs.width)):
            if finding := pending():
                self.runs.abandon()
                return self._confirmed(finding)
            self.tell()
        varied = {name for schedule in schedules for name in self._varied(schedule)}
        seen = tuple(one for one in held if one in varied or one in MODES)
        return StreamReport(len(schedules), seen, dict(self.skipped), self.seed)

    def replay(self, schedule: Schedule) -> Finding | StreamReport:
        """Runs one schedule.

        Raises:
            Exception: what the job has died of when all came in one batch.
        """
        self._reference(schedule)
        varied = tuple(self._varied(schedule))
        return (
            self._twice(schedule)()
            or self._against_one_batch(schedule)()
            or StreamReport(1, varied, {}, None)
        )

    # What is run

    @property
    def _base(self) -> Schedule:
        """The usual settings, and no steps."""
        usual = Schedule(())
        most = max(usual.partitions, self.stage.inputs.most_partitions)
        return replace(usual, partitions=most)

    @property
    def _whole(self) -> Schedule:
        places = self.stage.inputs.places
        return Schedule.of_one_batch(places, partitions=self._base.partitions)

    def _at_once(self, schedule: Schedule) -> Schedule:
        """The same records in one batch."""
        sent = {
            replace(place, form="")
            for place in schedule.places
            if place.form != "other"
        }
        places = [place for place in self.stage.inputs.places if place in sent]
        return Schedule.of_one_batch(places, partitions=self._base.partitions)

    def _reference(self, schedule: Schedule) -> Outcome:
        outcome = self.runs.submit(self.stage, self._at_once(schedule)).result()
        if outcome.death is not None:
            raise outcome.death from None  # not the steps to it, which are the kit's
        return outcome

    def _check(self, reference: Outcome) -> None:
        """
        Raises:
            ValueError: its event time is not the one that schedules go by.
        """
        stage = self.stage
        newest, times = reference.newest, map(stage.inputs.time, stage.inputs.places)
        # what goes by the clock is a fault of the job, which the schedules show
        if newest is not None and newest not in times and not is_trigger(newest):
            raise ValueError(
                f"The job's event time is not {stage.inputs.time_name}: the latest "
                f"that it has seen is {shown_time(newest)}. Give event_time=, a "
                "function of a Record, and closers=, records that close its windows."
            )

    def _skips(self, relation: str, reference: Outcome) -> bool:
        why = why_not(relation, self.stage, reference)
        if relation == "arrival" and "batches" not in self.wanted:
            why = "all comes in one batch, unless same_under has batches too"
        if why:
            self.skipped[relation] = why
        return bool(why)

    def _schedules(
        self, relations: Sequence[str], reference: Outcome, numbers: Sequence[int]
    ) -> Iterator[Schedule]:
        points = [Crash("before_sink"), Crash("after_sink")]
        if reference.is_own_query:
            writes = range(1, min(reference.writes, MOST_WRITES) + 1)
            points += [Crash("at_write", write) for write in writes]
        else:
            points.append(Crash("in_task"))
        generator = Generator(
            self.stage.inputs,
            self._promise(reference),
            relations,
            points,
            self._base.partitions,
        )
        for number in numbers:
            schedule = generator.make(number, random.Random(f"{self.seed}/{number}"))
            if schedule is not None:
                yield schedule

    def _promise(self, reference: Outcome) -> Promise:
        if self.late is not None:
            return Promise(self.late)
        return Promise(reference.delay if reference.has_watermark else None)

    # What is compared

    def _against_one_batch(self, schedule: Schedule) -> Pending:
        """The answer by a schedule, with that to the same records in one batch."""
        plain = self._at_once(schedule)
        if schedule == plain:
            return lambda: None
        at_once = self.runs.submit(self.stage, plain)
        by_schedule = self.runs.submit(self.stage, schedule)
        relation = self._relation(schedule)

        def compare() -> Finding | None:
            expected, outcome = at_once.result(), by_schedule.result()
            if outcome.death is not None and schedule.has(DeleteRecords):
                return None  # what is lost was told
            return self._finding(relation, schedule, expected, outcome)

        return compare

    def _twice(self, schedule: Schedule) -> Pending:
        """Two answers by a schedule."""
        first = self.runs.submit(self.stage, schedule)
        second = self.runs.submit(self.stage, schedule, again=True)

        def compare() -> Finding | None:
            one, other = first.result(), second.result()
            if one.death is not None:  # the other way round: the dead one is shown
                one, other = other, one
            there = self._finding(DETERMINISM, schedule, one, other)
            # which of the two has more of what Kafka's sink repeats is chance
            back = other.death is None and self._finding(
                DETERMINISM, schedule, other, one
            )
            return there if there and (back or other.death is not None) else None

        return compare

    def _in_batch(self, schedule: Schedule) -> Pending:
        """The answer to all in one batch, with that of the job by `spark.read`."""
        at_once = self._at_once(schedule)
        streamed = self.runs.submit(self.stage, at_once)
        read = self.runs.submit_batch(self.stage, at_once)

        def compare() -> Finding | None:
            outcome, batch = streamed.result(), read.result()
            if batch.refusal:
                self.skipped["batch_mode"] = batch.refusal
            if batch.refusal or outcome.death or batch.allows(self.stage, outcome):
                return None
            return Finding("batch_mode", at_once, batch.alone, outcome.answer)

        return compare

    def _in_real_time(self, schedule: Schedule) -> Pending:
        """The answer to all in one batch, with that of the job in real-time mode."""
        at_once = replace(self._at_once(schedule), partitions=1)
        streamed = self.runs.submit(self.stage, at_once)
        live = self.runs.submit_real_time(self.stage, at_once)

        def compare() -> Finding | None:
            expected, found = streamed.result().answer, live.result()
            if found.refusal:
                self.skipped["real_time"] = found.refusal
            if found.refusal or self.stage.answers.are_same(
                expected, found.answer, repeats=True
            ):
                return None
            return Finding("real_time", at_once, expected, found.answer)

        return compare

    def _finding(
        self, relation: str, schedule: Schedule, expected: Outcome, outcome: Outcome
    ) -> Finding | None:
        if expected.death is not None:
            return None  # the records are too few for the job
        answers, answer, wanted = self.stage.answers, outcome.answer, expected.answer
        if any(place.form == "other" for place in schedule.places):
            answer, wanted = map(answers.without_others, (answer, wanted))
        is_at_least_once = self.stage.sink == "kafka" or outcome.is_own_query
        repeats = is_at_least_once and schedule.has(Crash, Replay)
        if outcome.death is None and answers.are_same(wanted, answer, repeats=repeats):
            return None
        return Finding(
            relation,
            schedule,
            wanted,
            answer,
            outcome.death,
            outcome.late_rows,
        )

    # What is found

    def _confirmed(self, finding: Finding) -> Finding:
        """The smallest that shows the same; or that the job is not deterministic."""
        again = self._twice(finding.schedule)
        smallest = self._smallest(finding, self._against_one_batch)
        other = _found(again)
        return self._smallest(other, self._twice) if other else smallest

    def _smallest(
        self, finding: Finding, compare: Callable[[Schedule], Pending]
    ) -> Finding:
        found = finding
        left = MOST_PROBES

        def shows(schedule: Schedule) -> bool:
            nonlocal found, left
            if left <= 0:
                return False
            left -= 1
            if seen := _found(compare(schedule)):
                found = seen
            return seen is not None

        shrink(
            finding.schedule,
            shows,
            self._base,
            self._keeps_order,
            self.stage.inputs.key,
            finding.concerns,
        )
        return found

    def _relation(self, schedule: Schedule) -> str:
        """What a schedule is told to vary: what is rarest."""
        return next(self._varied(schedule), "batches")

    def _varied(self, schedule: Schedule) -> Iterator[str]:
        """What a schedule varies, first what is rarest."""
        base, forms = self._base, {place.form for place in schedule.places}
        is_resized = (schedule.partitions, schedule.shuffle) != (
            base.partitions,
            base.shuffle,
        )
        varied = {
            "retention": schedule.has(DeleteRecords),
            "crashes": schedule.has(Crash),
            "replays": schedule.has(Replay),
            "restarts": schedule.has(Restart, Start),
            "idle": schedule.has(Idle),
            "partitions": is_resized or schedule.has(AddPartition),
            "triggers": schedule.by_start,
            "duplicates": "again" in forms,
            "other_keys": "other" in forms,
            "arrival": self._is_rearranged(schedule),
            "batches": schedule.batches > 1,
        }
        return (name for name, is_so in varied.items() if is_so)

    def _keeps_order(self, schedule: Schedule) -> bool:
        """Whether each partition gets its records in the order of the inputs."""
        last: dict[tuple[str, int], int] = {}
        for place in schedule.places:
            partition = self.stage.inputs.partition(place, schedule.partitions)
            if last.get((place.input, partition), -1) > place.index:
                return False
            last[place.input, partition] = place.index
        return True

    def _is_rearranged(self, schedule: Schedule) -> bool:
        sent = [place for place in schedule.places if not place.form]
        return sent != [place for place in self.stage.inputs.places if place in sent]


def _found(pending: Pending) -> Finding | None:
    """What a comparison finds. One that fails must not hide what was found before."""
    try:
        return pending()
    except KafkaTestkitError as error:
        log.info("a run to find the smallest schedule failed: %s", error)
        return None


def _ahead(begun: Iterator[T], count: int) -> Iterator[T]:
    """The same, of which so many more have been drawn: drawing one begins its runs."""
    waiting: deque[T] = deque()
    for one in begun:
        waiting.append(one)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
