"""What all runs of a check have in common, and what becomes of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._invariance.answers import Answers
from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.job import Job, JobRun
from spark_kafka_testkit._invariance.schedule import Place
from spark_kafka_testkit._invariance.topics import Topics
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._work_folder import WorkFolder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["Outcome", "Stage"]


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        answer: the job's; None where it died.
        death: what it died of, or None.
        operators: the names of its stateful operators.
        has_watermark: whether it has one.
        delay: of its watermark, the shortest, in milliseconds; 0 where it is not known.
        newest: the latest event time that Spark has seen of the records, in
            milliseconds since the epoch; None without a watermark.
        late_rows: how many rows it dropped as late.
        writes: how many writes its foreachBatch function did, of a query that the job
            has started itself.
        is_own_query: whether the job has started its query itself.
    """

    answer: Any
    death: Exception | None
    operators: frozenset[str]
    has_watermark: bool
    delay: int
    newest: int | None
    late_rows: int
    writes: int
    is_own_query: bool


@dataclass(frozen=True, eq=False)
class Stage:
    """What all runs of a check have in common.

    Attributes:
        cluster: where the topics are.
        job, inputs, answers: what is checked, with what, and how it is compared.
        topics: fresh ones.
        output_mode, sink: of a job that gives a DataFrame; `sink` is None for rows that
            are collected, once each.
        has_clock: whether queries may go by a clock of the test.
        timeout: seconds, for each step that waits.
    """

    cluster: Cluster
    job: Job
    inputs: Inputs
    answers: Answers
    topics: Topics
    output_mode: str
    sink: str | None
    has_clock: bool
    timeout: float

    def run_in(
        self, session: SparkSession, folder: WorkFolder, partitions: Mapping[str, int]
    ) -> JobRun:
        """What the job gets: fresh topics, and a place for what it writes.

        Args:
            partitions: how many the topic of each input has.
        """
        path = folder.path / "out"
        path.mkdir()
        needs_sink_topic = self.job.takes_run or self.sink == "kafka"
        return JobRun(
            spark=session,
            topics={name: self.topics.take(n) for name, n in partitions.items()},
            topic=self.topics.take(2) if needs_sink_topic else "",
            path=str(path),
            checkpoint=str(folder.path / "checkpoint"),
            kafka_options=self.cluster.spark_options(),
        )

    def send_places(
        self, run: JobRun, places: Sequence[Place], partitions: Mapping[str, int]
    ) -> None:
        """Sends what a schedule sends.

        Args:
            partitions: as for `run_in`.
        """
        for name, count in partitions.items():
            own = (one for one in places if one.input == name)
            records = [self.inputs.to_send(one, count) for one in own]
            self._send(run.topics[name], records)

    def send_closers(self, run: JobRun, partitions: Mapping[str, int]) -> None:
        """Sends what closes windows, as `send_places` does."""
        for name, count in partitions.items():
            self._send(run.topics[name], self.inputs.closers_to_send(name, count))

    def _send(self, topic: str, records: list[Record]) -> None:
        """Sends records, if there are any."""
        if records:
            self.cluster.send(topic, batches(records, None, None))
