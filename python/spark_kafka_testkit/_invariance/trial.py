"""One run of a job under a schedule, from fresh topics to its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._event_time import at, local_time
from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    Batch,
    Crash,
    DeleteRecords,
    Idle,
    Place,
    Replay,
    Restart,
    Schedule,
    Send,
    Start,
    Step,
)
from spark_kafka_testkit._invariance.sinks import Rows, read_topic
from spark_kafka_testkit._invariance.stage import Outcome, Stage
from spark_kafka_testkit._jvm.plans import output_mode, watermark_delays
from spark_kafka_testkit._jvm.spark_jvm import ends_on_its_own, has_ended
from spark_kafka_testkit._jvm.watched_writes import NoWrites, WatchedWrites
from spark_kafka_testkit._model.send_report import add_note
from spark_kafka_testkit._queries.batch import newest_event, operators_sum, watermark_of
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop
from spark_kafka_testkit._spark import sources
from spark_kafka_testkit._streams.crashes import CrashSteps
from spark_kafka_testkit._streams.follow import FollowedQuery
from spark_kafka_testkit._streams.run import StreamOptions, StreamRun
from spark_kafka_testkit._waits.queries import wait_for_end
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import KafkaTestkitError, WaitError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


__all__ = ["Abandoned", "Trial", "is_trigger"]

BEGIN = at("12:00")
INTERVAL = timedelta(hours=1)
TRIGGER = {"processingTime": "1 hour"}
LAST_TRIGGERS = 3
SHUFFLE = "spark.sql.shuffle.partitions"


def is_trigger(time: int) -> bool:
    """Whether a trial may have a trigger at this time.

    Args:
        time: the time, in milliseconds since the epoch.
    """
    since = local_time(time) - BEGIN
    return since >= timedelta(0) and since % INTERVAL == timedelta(0)


class Abandoned(BaseException):
    """Raised to end a run whose outcome nobody waits for any more."""


class Trial:
    """One run of a job under a schedule.

    Args:
        stage: see `Stage`.
        session: the session to run in. No other trial uses it meanwhile.
        schedule: the steps and settings of the run.
        is_abandoned: a function that returns whether nobody waits for the outcome any
            more.
    """

    def __init__(
        self,
        stage: Stage,
        session: SparkSession,
        schedule: Schedule,
        is_abandoned: Callable[[], bool],
    ) -> None:
        self._stage, self._session, self._schedule = stage, session, schedule
        self._is_abandoned = is_abandoned
        self._run: CrashSteps | None = None
        self._others: list[StreamingQuery] = []
        self._is_own_query = False
        self._pending: list[Place] = []
        self._now: datetime = BEGIN
        self._operators: set[str] = set()
        self._delays: dict[str, int] = {}  # shortest watermark delay, by query id
        self._late_rows = self._writes = 0
        self._newest: int | None = None
        self._closed: int | None = None
        self._rows = Rows()

    def run(self) -> Outcome:
        """Run the job under the schedule, and return the outcome.

        If the job or its query dies, the outcome contains the exception.

        Raises:
            KafkaTestkitError: the run could not be carried out. A note has the
                schedule.
            Abandoned: the run was abandoned, which is checked before each step.
        """
        stage, schedule = self._stage, self._schedule
        try:
            with WorkFolder("check") as folder:
                self._counts = dict.fromkeys(stage.inputs.records, schedule.partitions)
                self._job_run = stage.run_in(self._session, folder, self._counts)
                self._session.conf.set(SHUFFLE, str(schedule.shuffle))
                try:
                    for step in schedule.steps:
                        self._do(step)
                    self._close()
                    return self._outcome(self._answer(), None)
                finally:
                    self._end()
        except KafkaTestkitError as error:
            add_note(error, f"With the schedule: {schedule}")
            raise
        except Exception as error:  # the job's or its query's
            if has_ended():  # the JVM, and not the job
                raise
            return self._outcome(None, error)

    def _outcome(self, answer: Any, death: Exception | None) -> Outcome:
        return Outcome(
            answer,
            death,
            frozenset(self._operators),
            bool(self._delays),
            min(self._delays.values(), default=0),
            self._newest,
            self._closed,
            self._late_rows,
            self._writes,
            self._is_own_query,
        )

    # Steps

    def _do(self, step: Step) -> None:
        if self._is_abandoned():
            raise Abandoned
        if isinstance(step, Send):
            self._pending.extend(step.places)
        elif isinstance(step, Batch):
            self._batch()
        elif isinstance(step, Crash):
            self._crash(step)
        elif isinstance(step, Replay):
            self._replay()
        elif isinstance(step, Idle):
            self._idle(step.hours)
        elif isinstance(step, AddPartition):
            self._send_pending()
            self._stage.cluster.add_partition(self._job_run.topics[step.input])
            self._counts[step.input] += 1
        else:
            self._down(step)

    def _down(self, step: Step) -> None:
        """Stop the query, send what is pending, and start the query.

        For `DeleteRecords`, the records of its topic are deleted while the query is
        down.
        """
        assert isinstance(step, (Start, Restart, DeleteRecords))
        self._end()
        self._send_pending()
        if isinstance(step, DeleteRecords):
            self._stage.cluster.delete_records(self._job_run.topics[step.input])
        self._begin()

    def _batch(self) -> None:
        run = self._running()
        if clocked := self._clocked(run):
            self._send_pending()
            clocked.advance(INTERVAL)
            if not self._schedule.is_busy:
                clocked.advance(INTERVAL)
        else:
            with self._watching_writes(run, failing=0) as writes:
                self._again(run, self._send_pending)
            self._writes = max(self._writes, writes.count)
        self._note(run)

    def _crash(self, step: Crash) -> None:
        run = self._running()
        topics = {self._job_run.topics[place.input] for place in self._pending}
        if not any(map(run.reads, topics)):
            self._batch()  # records that it does not read start no batch
            return
        if step.point == "at_write":
            self._fail_write(run, step.write)
        else:
            self._lose_batch(run, step.point)
        self._note(run)
        self._end()
        run = self._running()
        if clocked := self._clocked(run):
            clocked.advance(INTERVAL)
        self._note(run)

    def _lose_batch(self, run: CrashSteps, point: Any) -> None:
        try:
            with run.crash(point):
                self._send_pending()
        except WaitError:
            if point != "in_task":
                raise
            # no task had a row, so none could fail

    def _fail_write(self, run: CrashSteps, write: int) -> None:
        problem = None
        with self._watching_writes(run, failing=write) as writes:
            try:
                self._again(run, self._send_pending)
            except Exception as error:  # noqa: BLE001  examined below
                problem = error
        if problem is None:
            return  # the function made fewer writes, or handled the failure
        if not writes.has_failed:
            raise problem
        run.expect_failure()

    def _watching_writes(
        self, run: CrashSteps, failing: int
    ) -> WatchedWrites | NoWrites:
        if not self._is_own_query or not self._stage.has_clock:
            return NoWrites()
        query = str(run.query.id)  # which it keeps with its checkpoint
        return WatchedWrites(self._session, query, failing)

    def _replay(self) -> None:
        run = self._running()
        self._send_pending()
        if run.has_committed:
            run.replay_last_batch()
        self._note(run)

    def _idle(self, hours: int) -> None:
        run = self._running()
        if clocked := self._clocked(run):
            self._send_pending()
            clocked.advance(timedelta(hours=hours))
        else:
            self._again(run, self._send_pending)
        self._note(run)

    def _close(self) -> None:
        """Process what is pending, and close windows, sessions and event-time timeouts.

        If no query has a watermark, there is nothing to close.
        """
        if self._pending:
            self._batch()
        if not self._delays:
            return
        run = self._running()
        self._newest = newest_event(run.query.recentProgress)
        if clocked := self._clocked(run):
            self._send_closers()
            for _ in range(LAST_TRIGGERS):
                if not clocked.advance(INTERVAL):
                    break
        else:
            self._again(run, self._send_closers)
        self._note(run)
        self._closed = newest_event(run.query.recentProgress)

    # The query

    @property
    def _by_start(self) -> bool:
        return self._schedule.by_start or not self._stage.has_clock

    def _clocked(self, run: CrashSteps) -> StreamRun | None:
        """The run if it uses a test's clock, or None.

        Without a clock, the query is started for each batch.
        """
        return run if isinstance(run, StreamRun) and not self._by_start else None

    def _running(self) -> CrashSteps:
        if self._run is None:
            self._begin()
        assert self._run is not None
        return self._run

    def _begin(self) -> None:
        made = self._call()
        if hasattr(made, "writeStream"):
            self._run = self._stream(made)
        else:
            self._is_own_query = True
            started = [made]
            self._run = FollowedQuery(
                self._stage.cluster,
                lambda: started.pop() if started else self._call(),
                None,
                timeout=self._stage.timeout,
            )
        self._run.start()
        if not self._clocked(self._run):
            self._settle(self._run)

    def _again(self, run: CrashSteps, send: Callable[[], None]) -> None:
        """Stop a query without a clock, send records, and start it again.

        What is sent while the query is down is one batch.
        """
        run.stop()
        send()
        run.start()
        self._settle(run)

    def _settle(self, run: CrashSteps) -> None:
        """Wait until all queries of the job wait for data, or have ended.

        Raises:
            StreamingQueryException: one has died.
            WaitError: this did not happen in time.
        """
        run.settle()
        for query in self._others:
            if ends_on_its_own(query):
                wait_for_end(query, self._stage.timeout)
            QueryState(query).raise_if_dead()

    def _call(self) -> Any:
        """Call the job, and return its DataFrame or its query.

        If it returns several queries, return the first one and keep the others.

        Raises:
            TypeError: the job returned nothing.
        """
        self._stop_others()
        made = self._stage.job(self._job_run, self._read)
        if made is None:
            name = self._stage.job.name
            raise TypeError(f"{name} returned nothing. Is return missing?")
        if isinstance(made, (list, tuple)) and made:
            made, *self._others = made
        return made

    def _stop_others(self) -> None:
        """Stop all queries that are still active in the session.

        Raises:
            WaitError: one has not stopped in time.
        """
        self._others = []
        for query in self._session.streams.active:
            stop(query)

    def _read(self, name: str) -> DataFrame:
        topic, options = self._job_run.topics[name], self._job_run.kafka_options
        return sources.read_stream(self._session, topic, options)

    def _stream(self, df: DataFrame) -> StreamRun:
        stage = self._stage
        options: StreamOptions = {
            "output_mode": stage.output_mode,
            "checkpoint": self._job_run.checkpoint,
            "timeout": stage.timeout,
        }
        topic = None
        if stage.sink is None:
            options["foreach_batch"] = self._rows
        elif stage.sink == "kafka":
            topic = self._job_run.topic
        elif stage.sink != "memory":
            options["sink"] = stage.sink
            options["sink_options"] = {"path": self._job_run.path}
        if self._by_start:
            options["trigger"] = {"availableNow": True}
        else:
            options["trigger"], options["clock"] = TRIGGER, self._now
        return StreamRun(stage.cluster, df, topic, **options)

    def _end(self) -> None:
        run, self._run = self._run, None
        try:
            if run is not None:
                if clocked := self._clocked(run):
                    self._now = clocked.now
                run.close()
        finally:
            self._stop_others()

    def _note(self, run: CrashSteps) -> None:
        """Note what the progress of the queries reports."""
        for query in (run.query, *self._others):
            self._note_query(query)

    def _note_query(self, query: StreamingQuery) -> None:
        name = str(query.id)
        for progress in query.recentProgress:
            if name not in self._delays and watermark_of(progress) is not None:
                self._delays[name] = min(watermark_delays(query), default=0)
            self._operators |= {
                str(dict(one)["operatorName"]) for one in progress["stateOperators"]
            }
            self._late_rows = max(
                self._late_rows, operators_sum(progress, "numRowsDroppedByWatermark")
            )

    # Records, and the answer

    def _send_pending(self) -> None:
        places, self._pending = self._pending, []
        self._stage.send_places(self._job_run, places, self._counts)

    def _send_closers(self) -> None:
        self._stage.send_closers(self._job_run, self._counts)

    def _answer(self) -> Any:
        return self._stage.answers.of(self._held(), self._job_run.topics)

    def _held(self) -> Any:
        stage = self._stage
        if self._is_own_query and callable(stage.answers.kind):
            return self._job_run
        if self._is_own_query and not stage.job.takes_run:
            raise ValueError(
                "The kit can't tell where the job writes: it starts its query itself, "
                "and has no parameter `run` with a topic or folder to write to. Give "
                "answer=, a function that reads what the job wrote."
            )
        if self._is_own_query and stage.answers.is_default and self._operators:
            mode = output_mode(self._running().query)
            if mode != "append":
                raise ValueError(
                    f"The job writes its results again in each batch (output mode "
                    f'{mode}). Give answer="latest" to compare the last one of each '
                    "key."
                )
        if self._is_own_query or stage.sink == "kafka":
            return read_topic(stage.cluster, self._session, self._job_run.topic)
        if stage.sink is None:
            return self._rows.held(stage.output_mode)
        return self._running().held_rows()
