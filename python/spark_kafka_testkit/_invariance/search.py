"""The search for a schedule that changes a job's answer."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from spark_kafka_testkit._event_time import shown_time
from spark_kafka_testkit._invariance.comparisons import Comparisons, Pending
from spark_kafka_testkit._invariance.finding import Finding
from spark_kafka_testkit._invariance.generate import Generator, Promise
from spark_kafka_testkit._invariance.relations import MODES, why_not
from spark_kafka_testkit._invariance.runs import Runs
from spark_kafka_testkit._invariance.schedule import Crash, Schedule
from spark_kafka_testkit._invariance.shrink import shrink
from spark_kafka_testkit._invariance.stage import Outcome, Stage
from spark_kafka_testkit._invariance.trial import is_trigger
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["Search", "StreamReport"]

MOST_PROBES = 120
MOST_WRITES = 4
NOT_VARIED = "no schedule could vary it, or there were too few trials"
HELD_BACK = "statestoresave"
"""Part of the name of each operator that aggregates. In append mode it gives out a
window when that is closed.
"""

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class StreamReport:
    """What `check_stream` has checked, if it found no difference.

    Attributes:
        trials: how many schedules were run.
        same_under: the relations that were varied without changing the answer.
        skipped: the relations that were not checked, each with the reason.
        seed: the seed of the schedules, or None if a schedule was given.
    """

    trials: int
    same_under: tuple[str, ...]
    skipped: Mapping[str, str]
    seed: int | None


class Search:
    """The search for a schedule that changes a job's answer.

    The expected answer is the one for the same records in one batch.

    Args:
        stage: see `Stage`.
        runs: where the schedules are run.
        wanted: the relations to check.
        late: how late records may come, in milliseconds. None uses the delay of the
            job's watermark.
        seed: the seed of the schedules.
        tell: a function that is called after each random schedule that changes nothing.
    """

    def __init__(
        self,
        stage: Stage,
        runs: Runs,
        wanted: Sequence[str],
        late: int | None,
        seed: int | None,
        tell: Callable[[], None],
    ) -> None:
        self._stage, self._runs = stage, runs
        self._wanted, self._late, self._seed, self._tell = wanted, late, seed, tell
        self._compare = Comparisons(stage, runs)

    def run(
        self, numbers: Sequence[int], *, may_be_empty: bool = False
    ) -> Finding | StreamReport:
        """Run random schedules until one changes the answer.

        Before that, check whether the job is deterministic, and compare it with batch
        mode and real-time mode.

        Args:
            numbers: the numbers of the trials.
            may_be_empty: whether the job may have no answer to the records.

        Returns:
            The smallest schedule that changes the answer, or a report if none does.

        Raises:
            Exception: the job dies even with everything in one batch.
            ValueError: the job's event time is not the one that the schedules use. Or
                there is nothing to compare.
        """
        compare, whole = self._compare, self._compare.whole
        twice = compare.twice(whole)
        reference = self._reference(whole)
        self._check(reference)
        self._check_closers(reference)
        if not may_be_empty:
            self._check_answer(reference)
        if finding := twice():
            return self._smallest(finding, compare.twice)
        skipped = {
            name: why
            for name in self._wanted
            if (why := why_not(name, self._wanted, self._stage, reference))
        }
        held = [name for name in self._wanted if name not in skipped]
        in_batch = compare.in_batch(whole)() if "batch_mode" in held else None
        if in_batch and _found(compare.in_batch(whole)):
            return self._smallest(in_batch, compare.in_batch)
        # otherwise batch mode answers now this, now that, and a smaller schedule would
        # be found by luck: another relation may show more
        if "real_time" in held and (finding := compare.in_real_time(whole)()):
            return finding  # each smaller schedule would take five seconds
        skipped |= compare.refusals
        held = [name for name in held if name not in skipped]
        schedules = list(self._schedules(held, reference, numbers))
        pending_ones = map(compare.against_one_batch, schedules)
        # Most wrong jobs are found by the time each relation has had its turn. Until
        # then, few runs are started ahead, because they would be wasted.
        alone = sum(name not in MODES for name in held)
        first = _ahead(islice(pending_ones, alone), 1)
        for pending in chain(first, _ahead(pending_ones, self._runs.width)):
            if finding := pending():
                self._runs.abandon()
                return self._confirmed(finding)
            self._tell()
        if in_batch:
            return in_batch
        varied = {name for schedule in schedules for name in compare.varied(schedule)}
        seen = tuple(one for one in held if one in varied or one in MODES)
        skipped |= {name: NOT_VARIED for name in held if name not in seen}
        return StreamReport(len(schedules), seen, skipped, self._seed)

    def replay(self, schedule: Schedule) -> Finding | StreamReport:
        """Run one schedule, and return what it shows, or a report.

        Raises:
            Exception: the job dies even with everything in one batch.
        """
        compare = self._compare
        self._reference(schedule)
        return (
            compare.twice(schedule)()
            or compare.against_one_batch(schedule)()
            or StreamReport(1, tuple(compare.varied(schedule)), {}, None)
        )

    # What is run

    def _reference(self, schedule: Schedule) -> Outcome:
        outcome = self._runs.submit(
            self._stage, self._compare.at_once(schedule)
        ).result()
        if outcome.death is not None:
            raise outcome.death from None  # what led to it is in the kit's own code
        return outcome

    def _check(self, reference: Outcome) -> None:
        """Check that the schedules use the event time of the job.

        Raises:
            ValueError: the job's event time is another one.
        """
        stage = self._stage
        newest, times = reference.newest, map(stage.inputs.time, stage.inputs.places)
        # a time from the clock is a fault of the job, which the schedules show
        if newest is not None and newest not in times and not is_trigger(newest):
            raise ValueError(
                f"The job's event time is not {stage.inputs.time_name}: the latest "
                f"that it has seen is {shown_time(newest)}. Give event_time=, a "
                "function of a Record, and closers=, records that close its windows."
            )

    def _check_closers(self, reference: Outcome) -> None:
        """Check that the closers move the watermark of a job that waits for it.

        Raises:
            ValueError: they do not.
        """
        stage, newest = self._stage, reference.newest
        holds_back = stage.output_mode == "append" and any(
            HELD_BACK in operator.lower() for operator in reference.operators
        )
        if (
            newest is not None
            and newest == reference.closed
            and stage.inputs.has_closers
            and holds_back
            and not reference.is_own_query
        ):
            raise ValueError(
                "The closers do not move the job's watermark: before and after them, "
                f"the latest event time that it has seen is {shown_time(newest)}. So "
                "windows that are still open would not be compared. Give closers=, "
                "records that close them."
            )

    def _check_answer(self, reference: Outcome) -> None:
        """Check that the job has an answer that can be compared.

        Raises:
            TypeError: a function has returned none.
            ValueError: it is empty.
        """
        answer, kind = reference.answer, self._stage.answers.kind
        if answer is None:
            raise TypeError("answer= returned nothing. Is return missing?")
        if not isinstance(answer, Collection) or answer:
            return
        if reference.is_own_query and not callable(kind):
            raise ValueError(
                "The job has written nothing to run.topic, so nothing can be compared. "
                "Give answer=, a function that reads what the job wrote."
            )
        raise ValueError(
            "The job has no answer to these records, so nothing can be compared. Give "
            "inputs that it writes something for."
        )

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
            self._stage.inputs,
            self._promise(reference),
            relations,
            points,
            self._compare.base.partitions,
        )
        for number in numbers:
            schedule = generator.make(number, random.Random(f"{self._seed}/{number}"))
            if schedule is not None:
                yield schedule

    def _promise(self, reference: Outcome) -> Promise:
        if self._late is not None:
            return Promise(self._late)
        return Promise(reference.delay if reference.has_watermark else None)

    # What is found

    def _confirmed(self, finding: Finding) -> Finding:
        """The smallest schedule that shows the difference.

        If two runs of the original schedule differ, the result is the smallest schedule
        that shows that: the job is not deterministic.
        """
        again = self._compare.twice(finding.schedule)
        smallest = self._smallest(finding, self._compare.against_one_batch)
        other = _found(again)
        return self._smallest(other, self._compare.twice) if other else smallest

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
            self._compare.base,
            self._stage.inputs.keeps_order,
            self._stage.inputs.key,
            finding.concerns,
        )
        return found


def _found(pending: Pending) -> Finding | None:
    """What a comparison finds, or None if it fails.

    A failure must not hide what was found before.
    """
    try:
        return pending()
    except KafkaTestkitError as error:
        log.info("a run to find the smallest schedule failed: %s", error)
        return None


def _ahead(begun: Iterator[T], count: int) -> Iterator[T]:
    """The same items, drawn `count` items ahead of their use.

    Drawing an item starts its runs.
    """
    waiting: deque[T] = deque()
    for one in begun:
        waiting.append(one)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
