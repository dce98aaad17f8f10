"""What a check has found, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spark_kafka_testkit._invariance.relations import MODES, RELATIONS
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._text import first_line, shown
from spark_kafka_testkit._waits.difference import difference
from spark_kafka_testkit.errors import NotInvariant

__all__ = ["DETERMINISM", "Finding"]

DETERMINISM = "determinism"
SHOWN_RECORDS = 10


@dataclass(frozen=True)
class Finding:
    """A schedule by which a job answers otherwise.

    Attributes:
        relation: what the answer depends on.
        schedule: what was done.
        expected: the answer that it should have given.
        answer: the one it gave; None where the job died.
        death: what it died of.
        late_rows: how many rows it dropped as late.
    """

    relation: str
    schedule: Schedule
    expected: Any
    answer: Any
    death: Exception | None = None
    late_rows: int = 0

    def error(
        self,
        job: str,
        records: Mapping[str, Any],
        seed: int | None,
        drawn: Mapping[str, Any] | None,
    ) -> NotInvariant:
        """What is raised.

        Args:
            job: its name.
            records: what the schedule sends, by the names that it has there.
            seed: of the schedules.
            drawn: the inputs, where they were drawn of strategies.
        """
        return NotInvariant(
            "\n".join(self._lines(job, records, seed, drawn)),
            relation=self.relation,
            schedule=str(self.schedule),
            seed=seed,
            expected=self.expected,
            answer=self.answer,
            records=records,
            replay=self._replay(job, drawn),
        )

    def _lines(
        self,
        job: str,
        records: Mapping[str, Any],
        seed: int | None,
        drawn: Mapping[str, Any] | None,
    ) -> Iterator[str]:
        if self.relation == DETERMINISM:
            yield f"The answer of {job} is not deterministic. This schedule gives two:"
        else:
            what = RELATIONS[self.relation]
            yield f"The answer of {job} depends on {what}. With this schedule:"
        yield f"  {self.schedule}"
        if self.death is not None:
            yield f"it dies: {first_line(self.death)}"
        else:
            yield self._against
            yield difference(self.answer, self.expected)
        if self.late_rows:
            yield f"Spark dropped rows as late ({self.late_rows} in a batch)."
        for name, record in list(records.items())[:SHOWN_RECORDS]:
            yield f"  {name} is {shown(record)}"
        if len(records) > SHOWN_RECORDS:
            yield f"  ... and {len(records) - SHOWN_RECORDS} more"
        yield f"To see it again: {self._replay(job, drawn)}"
        if seed is not None:
            yield f"Found with seed={seed}."

    @property
    def _against(self) -> str:
        if self.relation == DETERMINISM:
            return "the second differs from the first:"
        if self.relation == "real_time":
            return "in real-time mode it differs from the answer in one batch:"
        if self.relation == "batch_mode":
            return "it differs from the answer of spark.read to the same records:"
        return "it differs from the answer to the same records in one batch:"

    def _replay(self, job: str, drawn: Mapping[str, Any] | None) -> str:
        inputs = "..." if drawn is None else repr(drawn)
        is_plain = self.schedule.batches == len(self.schedule.steps) - 1 == 1
        again = f'schedule="{self.schedule}"'
        if self.relation in MODES or (self.relation == DETERMINISM and is_plain):
            again = f'same_under=["{self.relation}"]'
        return f"kafka.check_stream({job}, inputs={inputs}, {again})"
