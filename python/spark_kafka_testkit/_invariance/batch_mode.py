"""The same job in batch mode: an oracle that needs no expected rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._invariance.answers import (
    is_close,
    readable_record,
    without_close,
)
from spark_kafka_testkit._invariance.job import JobRun
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._invariance.stage import Outcome, Stage
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._spark import sources
from spark_kafka_testkit._text import first_line
from spark_kafka_testkit._waits.equality import unmatched
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["BatchAnswer", "batch_answer"]


@dataclass(frozen=True)
class BatchAnswer:
    """A job's answer in batch mode.

    Attributes:
        alone: the answer for the records.
        closed: the answer for the records and the closers. Without closers, it is the
            same as `alone`.
        refusal: why the job does not run in batch mode. Empty if it does.
    """

    alone: Any = None
    closed: Any = None
    refusal: str = ""

    def allows(self, stage: Stage, outcome: Outcome) -> bool:
        """Whether a stream may have given this answer.

        What is in both `alone` and `closed` must be in the stream's answer. What is in
        only one of them may be in it, because it comes from a closer, or from a window
        that is still open in the stream. Nothing else may be in it.
        """
        answers, answer = stage.answers, outcome.answer
        if answers.are_same(self.alone, answer, repeats=False):
            return True
        if isinstance(answer, dict):
            settled = {
                key: value
                for key, value in self.alone.items()
                if key in self.closed and is_close(self.closed[key], value)
            }
            return all(
                key in answer and is_close(value, answer[key])
                for key, value in settled.items()
            ) and all(
                any(
                    key in one and is_close(value, one[key])
                    for one in (self.alone, self.closed)
                )
                for key, value in answer.items()
            )
        if not isinstance(answer, list):
            return is_close(self.closed, answer)
        only_alone, only_closed = unmatched(self.alone, self.closed)
        settled_rows, _ = unmatched(self.alone, only_alone)
        missing, more = unmatched(settled_rows, answer)
        missing, more = without_close(missing, more)
        strange, _ = without_close(more, [*only_alone, *only_closed])
        return not missing and not strange


def batch_answer(
    stage: Stage, session: SparkSession, schedule: Schedule, reference: Outcome
) -> BatchAnswer:
    """Run the job on the records of a schedule, with `spark.read`.

    Args:
        stage: see `Stage`.
        session: the session to run in.
        schedule: the schedule whose records are used.
        reference: the outcome of the job as a stream. If it has a watermark, the job
            also runs with the closers.
    """
    counts = dict.fromkeys(stage.inputs.records, schedule.partitions)

    def answer(run: JobRun) -> Any:
        def read(name: str) -> DataFrame:
            return sources.read_batch(session, run.topics[name], run.kafka_options)

        rows = stage.job(run, read).collect()
        if stage.sink == "kafka":
            rows = [
                readable_record(Record(row.asDict().get("key"), row["value"]))
                for row in rows
            ]
        return stage.answers.of(rows, run.topics)

    with WorkFolder("check") as folder:
        run = stage.run_in(session, folder, counts)
        stage.send_places(run, schedule.places, counts)
        try:
            alone = closed = answer(run)
            if reference.has_watermark:
                stage.send_closers(run, counts)
                closed = answer(run)
        except KafkaTestkitError:
            raise
        except Exception as error:  # noqa: BLE001  a job for streams may raise any
            why = f"it does not run in batch: {first_line(error)}"
            return BatchAnswer(refusal=why)
    return BatchAnswer(alone, closed)
