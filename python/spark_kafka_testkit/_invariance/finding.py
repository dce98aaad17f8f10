"""A difference that a check has found, and the error that reports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spark_kafka_testkit._invariance.relations import MODES, RELATIONS
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._queries.death import Death
from spark_kafka_testkit._text import readable, shown
from spark_kafka_testkit._waits.difference import difference
from spark_kafka_testkit._waits.equality import unmatched
from spark_kafka_testkit.errors import NotInvariant

__all__ = ["DETERMINISM", "Finding"]

DETERMINISM = "determinism"
SHOWN_RECORDS = 10
LONGEST_OPTION = 60
AGAIN = "Let a batch that runs again change nothing: use its number, or MERGE."
BY_ITSELF = "Let no result depend on what else is in its batch. Keep it in the state."
BY_TIME = "Order by a time in the records, not by when they come."
REMEDIES = {
    DETERMINISM: "Look for uuid(), rand(), the clock, or a global variable.",
    "batches": BY_ITSELF,
    "triggers": BY_ITSELF,
    "restarts": "Keep what must last in Spark's state or in a table, not in Python.",
    "replays": AGAIN,
    "crashes": AGAIN,
    "arrival": BY_TIME,
    "partitions": BY_TIME,
    "idle": "Go by the time in the records, not by the clock.",
    "retention": "Leave failOnDataLoss at true.",
    "duplicates": "Drop the second one with dropDuplicatesWithinWatermark().",
    "other_keys": "Group by the key.",
}
"""The advice for an answer that depends on something, by relation."""


@dataclass(frozen=True)
class Finding:
    """A schedule that changes a job's answer.

    Attributes:
        relation: what the answer depends on.
        schedule: what was done.
        expected: the answer that was expected.
        answer: the answer under the schedule, or None if the job died.
        death: the exception that the job died of, or None.
        late_rows: the largest number of rows that one batch dropped as late.
    """

    relation: str
    schedule: Schedule
    expected: Any
    answer: Any
    death: Exception | None = None
    late_rows: int = 0

    def concerns(self, key: bytes) -> bool:
        """Whether the key occurs in what differs.

        If the answers have no parts that can be compared, any key may, so the result is
        true.
        """
        return self._differing is None or str(readable(key)) in self._differing

    @cached_property
    def _differing(self) -> str | None:
        """The parts that only one of the answers has, as text.

        None if the answers have no parts that can be compared.
        """
        if isinstance(self.expected, dict) and isinstance(self.answer, dict):
            parts = unmatched([*self.expected.items()], [*self.answer.items()])
        elif isinstance(self.expected, list) and isinstance(self.answer, list):
            parts = unmatched(self.expected, self.answer)
        else:
            return None
        return str(parts)

    def error(
        self,
        job: str,
        records: Mapping[str, Any],
        seed: int | None,
        drawn: Mapping[str, Any] | None,
        options: Mapping[str, Any],
    ) -> NotInvariant:
        """The error to raise.

        Args:
            job: the job's name.
            records: the records that the schedule sends, by their names in its line.
            seed: the seed of the schedules, or None if a schedule was given.
            drawn: the inputs, if they were drawn from strategies. Otherwise None.
            options: the options of the check that the call in the message needs.
        """
        replay = self._replay(job, drawn, options)
        return NotInvariant(
            "\n".join(self._lines(records, seed, job, replay)),
            relation=self.relation,
            schedule=str(self.schedule),
            seed=seed,
            expected=self.expected,
            answer=self.answer,
            records=records,
            replay=replay,
        )

    def _lines(
        self,
        records: Mapping[str, Any],
        seed: int | None,
        job: str,
        replay: str,
    ) -> Iterator[str]:
        what = "is not deterministic"
        if self.relation != DETERMINISM:
            what = f"depends on {RELATIONS[self.relation]}"
        yield f"The answer of {job} {what}. {self._remedy}".rstrip()
        is_twice = self.relation == DETERMINISM
        so = "This schedule gives two" if is_twice else "With this schedule"
        yield f"{so}: {self.schedule}"
        if self.death is None:
            yield self._against
            yield from difference(self.answer, self.expected).lines
        if self.late_rows:
            yield f"Spark dropped rows as late ({self.late_rows} in a batch)."
        for name, record in list(records.items())[:SHOWN_RECORDS]:
            yield f"  {name} is {shown(record)}"
        if len(records) > SHOWN_RECORDS:
            yield f"  ... and {len(records) - SHOWN_RECORDS} more"
        yield f"To see it again: {replay}"
        if seed is not None:
            yield f"Found with seed={seed}."

    @property
    def _remedy(self) -> str:
        """What to do about it, or what the job died of."""
        if self.death is not None:
            return f"It dies: {_told(self.death)}"
        if self._is_of_order:
            return "Only the order differs. Let answer= sort its list."
        if self.late_rows:
            return "Rows came too late. Give withWatermark() a longer delay."
        return REMEDIES.get(self.relation, "")

    @property
    def _is_of_order(self) -> bool:
        """Whether the answers are lists with the same items."""
        if not (isinstance(self.answer, list) and isinstance(self.expected, list)):
            return False
        return not any(unmatched(self.expected, self.answer))

    @property
    def _against(self) -> str:
        if self.relation == DETERMINISM:
            return "the second differs from the first:"
        if self.relation == "real_time":
            return "in real-time mode it differs from the answer in one batch:"
        if self.relation == "batch_mode":
            return "it differs from the answer of spark.read to the same records:"
        return "it differs from the answer to the same records in one batch:"

    @property
    def _is_plain(self) -> bool:
        """Whether the schedule only sends records and makes one batch of them."""
        places = self.schedule.places
        is_plain = self.schedule == Schedule.of_one_batch(places)
        return is_plain and not any(place.form for place in places)

    def _replay(
        self, job: str, drawn: Mapping[str, Any] | None, options: Mapping[str, Any]
    ) -> str:
        inputs = "..." if drawn is None else repr(drawn)
        again = f'schedule="{self.schedule}"'
        if self.relation in MODES or (self.relation == DETERMINISM and self._is_plain):
            again = f'same_under=["{self.relation}"]'
        same = "".join(f"{name}={_spelt(value)}, " for name, value in options.items())
        return f"kafka.check_stream({job}, inputs={inputs}, {same}{again})"


def _spelt(value: Any) -> str:
    """An option's value as code, or `...` if that is too long or has no name."""
    if callable(value):
        name = str(getattr(value, "__name__", ""))
        return name if name.isidentifier() else "..."
    text = repr(value)
    return text if len(text) <= LONGEST_OPTION else "..."


def _told(error: Exception) -> str:
    """The cause of a job's death, with its place in the code, in one line."""
    death = Death.of(str(error))
    place = f" ({death.place})" if death.place else ""
    return f"{type(error).__name__}: {death.cause}{place}"
