"""Comparisons of the answers of two runs of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from spark_kafka_testkit._invariance.finding import DETERMINISM, Finding
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
from spark_kafka_testkit._invariance.stage import Outcome, Stage

__all__ = ["Comparisons", "Pending"]

Pending = Callable[[], Finding | None]
"""A comparison whose runs have started. Calling it returns what it found."""


@dataclass
class Comparisons:
    """Comparisons of a job's answers.

    Args:
        stage: see `Stage`.
        runs: where the schedules are run.

    Attributes:
        refusals: why the job does not run in batch mode or in real-time mode, by
            relation.
    """

    stage: Stage
    runs: Runs
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> Schedule:
        """A schedule without steps that has the usual settings."""
        usual = Schedule(())
        most = max(usual.partitions, self.stage.inputs.most_partitions)
        return replace(usual, partitions=most)

    @property
    def whole(self) -> Schedule:
        places = self.stage.inputs.places
        return Schedule.of_one_batch(places, partitions=self.base.partitions)

    def at_once(self, schedule: Schedule) -> Schedule:
        """The records of a schedule in one batch.

        Duplicates and copies with another key are left out.
        """
        sent = {
            replace(place, form="")
            for place in schedule.places
            if place.form != "other"
        }
        places = [place for place in self.stage.inputs.places if place in sent]
        return Schedule.of_one_batch(places, partitions=self.base.partitions)

    def against_one_batch(self, schedule: Schedule) -> Pending:
        """Compare a schedule's answer with that for its records in one batch."""
        plain = self.at_once(schedule)
        if schedule == plain:
            return lambda: None
        at_once = self.runs.submit(self.stage, plain)
        by_schedule = self.runs.submit(self.stage, schedule)
        relation = self._relation(schedule)

        def compare() -> Finding | None:
            expected, outcome = at_once.result(), by_schedule.result()
            if outcome.death is not None and schedule.has(DeleteRecords):
                return None  # it did not lose records silently
            return self._finding(relation, schedule, expected, outcome)

        return compare

    def twice(self, schedule: Schedule) -> Pending:
        """Compare the answers of two runs of the same schedule."""
        first = self.runs.submit(self.stage, schedule)
        second = self.runs.submit(self.stage, schedule, again=True)

        def compare() -> Finding | None:
            one, other = first.result(), second.result()
            if one.death is not None:  # swap, so that the finding shows the death
                one, other = other, one
            there = self._finding(DETERMINISM, schedule, one, other)
            # Kafka's sink may repeat records in either run: a difference must show
            # both ways
            back = other.death is None and self._finding(
                DETERMINISM, schedule, other, one
            )
            return there if there and (back or other.death is not None) else None

        return compare

    def in_batch(self, schedule: Schedule) -> Pending:
        """Compare the stream's answer in one batch with that of `spark.read`."""
        at_once = self.at_once(schedule)
        streamed = self.runs.submit(self.stage, at_once)
        read = self.runs.submit_batch(self.stage, at_once)

        def compare() -> Finding | None:
            outcome, batch = streamed.result(), read.result()
            if batch.refusal:
                self.refusals["batch_mode"] = batch.refusal
            if batch.refusal or outcome.death or batch.allows(self.stage, outcome):
                return None
            return Finding("batch_mode", at_once, batch.alone, outcome.answer)

        return compare

    def in_real_time(self, schedule: Schedule) -> Pending:
        """Compare the answer in one batch with that in real-time mode."""
        at_once = replace(self.at_once(schedule), partitions=1)
        streamed = self.runs.submit(self.stage, at_once)
        live = self.runs.submit_real_time(self.stage, at_once)

        def compare() -> Finding | None:
            expected, found = streamed.result().answer, live.result()
            if found.refusal:
                self.refusals["real_time"] = found.refusal
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
            return None  # the job can't handle so few records
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

    def _relation(self, schedule: Schedule) -> str:
        """The relation that a finding names: the rarest that the schedule varies."""
        return next(self.varied(schedule), "batches")

    def varied(self, schedule: Schedule) -> Iterator[str]:
        """The relations that a schedule varies, the rarest first."""
        base, forms = self.base, {place.form for place in schedule.places}
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
            "arrival": not self.stage.inputs.are_in_order(schedule.places),
            "batches": schedule.batches > 1,
        }
        return (name for name, is_so in varied.items() if is_so)
