"""The same job in real-time mode, if Spark runs it in that mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._invariance.schedule import Place, Schedule
from spark_kafka_testkit._invariance.sinks import read_topic
from spark_kafka_testkit._invariance.stage import Stage
from spark_kafka_testkit._queries.position import Position
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._spark import sources
from spark_kafka_testkit._streams.run import StreamRun
from spark_kafka_testkit._text import first_line
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.queries import ends_of
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["RealTimeAnswer", "real_time_answer"]

BATCH = "5 seconds"
"""How long a batch lasts. Spark reports what was read only at its end, and accepts no
shorter batch (`spark.sql.streaming.realTimeMode.minBatchDuration`)."""

REFUSED = "REAL_TIME_MODE"
"""Part of the name of each error with which Spark refuses a query for this mode."""


@dataclass(frozen=True)
class RealTimeAnswer:
    """A job's answer in real-time mode.

    Attributes:
        answer: the job's answer, or None if it does not run in this mode.
        refusal: why the job does not run in this mode. Empty if it does.
    """

    answer: Any = None
    refusal: str = ""


def real_time_answer(
    stage: Stage, session: SparkSession, schedule: Schedule
) -> RealTimeAnswer:
    """Run the job in real-time mode on the records of a schedule.

    Half of the records are sent before the job starts, and the others while it runs.
    Each topic has one partition, and the task that reads it occupies a slot all the
    time.
    """
    slots, inputs = session.sparkContext.defaultParallelism, len(stage.inputs.records)
    if inputs > slots:
        why = f"it needs a task slot for each input: {inputs}, and there are {slots}"
        return RealTimeAnswer(refusal=why)
    counts = dict.fromkeys(stage.inputs.records, 1)
    with WorkFolder("check") as folder:
        try:
            return _answer(stage, session, folder, schedule.places, counts)
        except Exception as error:
            if REFUSED not in str(error):
                raise
            return RealTimeAnswer(refusal=f"Spark refuses it: {first_line(error)}")


def _answer(
    stage: Stage,
    session: SparkSession,
    folder: WorkFolder,
    places: Sequence[Place],
    counts: Mapping[str, int],
) -> RealTimeAnswer:
    job_run = stage.run_in(session, folder, counts)

    def read(name: str) -> DataFrame:
        topic, options = job_run.topics[name], job_run.kafka_options
        return sources.read_stream(session, topic, options)

    middle = len(places) // 2
    stage.send_places(job_run, places[:middle], counts)
    run = StreamRun(
        stage.cluster,
        stage.job(job_run, read),
        job_run.topic,
        output_mode=stage.output_mode,
        trigger={"realTime": BATCH},
        checkpoint=job_run.checkpoint,
        timeout=stage.timeout,
    )
    with run:
        stage.send_places(job_run, places[middle:], counts)
        _wait_until_read(stage, run)
    found = read_topic(stage.cluster, session, job_run.topic)
    return RealTimeAnswer(stage.answers.of(found, job_run.topics))


def _wait_until_read(stage: Stage, run: StreamRun) -> None:
    """Wait until all that was sent has been read by batches that have ended.

    Raises:
        StreamingQueryException: the query died.
        WaitError: this did not happen in time.
    """
    state, position, pauses = QueryState(run.query), Position(), Pauses(stage.timeout)
    while True:
        state.raise_if_dead()
        if position.take(state.progress):
            ends = ends_of(stage.cluster, state, position)
            if not position.is_behind(ends):
                return
        if pauses.is_over:
            raise WaitError(
                f"Query {state.name} has not read its topics to their end in real-time "
                f"mode within {stage.timeout:g} s.\n{state.describe()}",
                "Give the check more time (timeout=...), or leave 'real_time' out of "
                "same_under.",
                query=run.query,
            )
        pauses.rest()
