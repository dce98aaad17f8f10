"""What a check has found, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spark_kafka_testkit._invariance.relations import RELATIONS
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._text import shown
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
        self, job: str, records: Mapping[str, Any], seed: int | None, given: bool
    ) -> NotInvariant:
        """What is raised.

        Args:
            job: its name.
            records: what the schedule sends, by the names that it has there.
            seed: of the schedules.
            given: whether the user has the records: `inputs` was no strategy.
        """
        return NotInvariant(
            "\n".join(self._lines(job, records, seed, given)),
            relation=self.relation,
            schedule=str(self.schedule),
            seed=seed,
            expected=self.expected,
            answer=self.answer,
            records=records,
        )

    def _lines(
        self, job: str, records: Mapping[str, Any], seed: int | None, given: bool
    ) -> Iterator[str]:
        if self.relation == DETERMINISM:
            yield f"The answer of {job} is another one each time, by the same schedule:"
        else:
            what = RELATIONS[self.relation]
            yield f"The answer of {job} depends on {what}. By this schedule:"
        yield f"  {self.schedule}"
        if self.death is not None:
            yield f"it dies: {type(self.death).__name__}: {_first(self.death)}"
        else:
            yield f"it is another than {self._other}:"
            yield difference(self.answer, self.expected)
        if self.late_rows:
            yield f"Spark has dropped rows as late ({self.late_rows} in a batch)."
        for name, record in list(records.items())[:SHOWN_RECORDS]:
            yield f"  {name} is {shown(record)}"
        if len(records) > SHOWN_RECORDS:
            yield f"  ... and {len(records) - SHOWN_RECORDS} more"
        again = self._again(given, records)
        yield f"To see it again: kafka.check_stream({job}, {again})"
        if seed is not None:
            yield f"Found by seed={seed}."

    @property
    def _other(self) -> str:
        if self.relation == DETERMINISM:
            return "the first time"
        if self.relation == "batch_mode":
            return "that in batch, by spark.read"
        return "that to the same records in one batch"

    def _again(self, given: bool, records: Mapping[str, Any]) -> str:
        inputs = "..."
        if not given:
            by_name: dict[str, list[Any]] = {}
            for name, record in records.items():
                by_name.setdefault(name.partition("[")[0], []).append(record)
            inputs = repr(by_name)
        if self.relation in ("batch_mode", DETERMINISM):
            return f'inputs={inputs}, same_under=["{self.relation}"]'
        return f'inputs={inputs}, schedule="{self.schedule}"'


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
