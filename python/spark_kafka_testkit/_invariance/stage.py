"""What all runs of a check have in common, and the outcome of one run."""

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
    """The outcome of one run.

    Attributes:
        answer: the job's answer, or None if it died.
        death: the exception that it died of, or None.
        operators: the names of its stateful operators.
        has_watermark: whether it has a watermark.
        delay: the shortest delay of its watermarks, in milliseconds, or 0 if that is
            not known.
        newest: the latest event time that Spark read before the closers, in
            milliseconds since the epoch. None without a watermark.
        closed: the same after the closers.
        late_rows: the largest number of rows that one batch dropped as late.
        writes: the largest number of writes that the `foreachBatch` function made for
            one batch. 0 unless the job started its query itself.
        is_own_query: whether the job started its query itself.
    """

    answer: Any
    death: Exception | None
    operators: frozenset[str]
    has_watermark: bool
    delay: int
    newest: int | None
    closed: int | None
    late_rows: int
    writes: int
    is_own_query: bool


@dataclass(frozen=True, eq=False)
class Stage:
    """What all runs of a check have in common.

    Attributes:
        cluster: where the topics are.
        job: the job that is checked.
        inputs: the records that it is checked with.
        answers: how its answers are compared.
        topics: where the runs get fresh topics from.
        output_mode: the output mode, for a job that returns a DataFrame.
        sink: the sink, for a job that returns a DataFrame. None collects the rows,
            those of each batch once.
        has_clock: whether a query's clock can be set.
        timeout: the time limit for each step that waits, in seconds.
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
        """The topics, folder and options for one run of the job.

        Args:
            session: the session of the run.
            folder: the folder for what the job writes and for its checkpoint.
            partitions: the number of partitions of each input's topic.
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
        """Send the records at these places to the topics of their inputs.

        Args:
            run: the run whose topics they go to.
            places: the records, in the order in which they are sent.
            partitions: as for `run_in`.
        """
        for name, count in partitions.items():
            own = (one for one in places if one.input == name)
            records = [self.inputs.to_send(one, count) for one in own]
            self._send(run.topics[name], records)

    def send_closers(self, run: JobRun, partitions: Mapping[str, int]) -> None:
        """Send the closers, which close windows, as `send_places` sends records."""
        for name, count in partitions.items():
            self._send(run.topics[name], self.inputs.closers_to_send(name, count))

    def _send(self, topic: str, records: list[Record]) -> None:
        """Send records, if there are any."""
        if records:
            self.cluster.send(topic, batches(records, None, None))
