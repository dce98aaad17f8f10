"""Runs of a job side by side, where each schedule runs only once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from spark_kafka_testkit._invariance.batch_mode import BatchAnswer, batch_answer
from spark_kafka_testkit._invariance.real_time import (
    RealTimeAnswer,
    real_time_answer,
)
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._invariance.stage import Outcome, Stage
from spark_kafka_testkit._invariance.trial import Abandoned, Trial
from spark_kafka_testkit._jvm.spark_jvm import cloned, let_go_of_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from typing_extensions import Self

__all__ = ["Runs"]


class Runs:
    """Runs of schedules, several at a time, each in its own session.

    The sessions have the settings and views of the user's session. It is a context
    manager, which ends the runs at its exit.

    Args:
        session: the user's session, which must be a classic one.

    Attributes:
        width: how many schedules run at a time.
    """

    width = 4

    def __init__(self, session: SparkSession) -> None:
        self._cloned = cloned(session, self.width)
        self._sessions: SimpleQueue[SparkSession] = SimpleQueue()
        for one in self._cloned:
            self._sessions.put(one)
        self._pool = ThreadPoolExecutor(self.width, "check_stream")
        self._known: dict[tuple[Stage, Schedule], Future[Outcome]] = {}
        self._abandoned = threading.Event()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()
        self._ended.set()
        self._pool.shutdown(cancel_futures=True)
        for one in self._cloned:
            let_go_of_session(one)

    def abandon(self) -> None:
        """End the runs of `submit` that are under way or wait for their turn.

        Those with `again` continue. Nobody may be waiting for the outcomes of the
        others.
        """
        known = self._known.items()
        self._known = {key: future for key, future in known if future.done()}
        self._abandoned.set()
        self._abandoned = threading.Event()

    def submit(
        self, stage: Stage, schedule: Schedule, *, again: bool = False
    ) -> Future[Outcome]:
        """Run a schedule, and return a future of its outcome.

        A schedule that was submitted before is not run again.

        Args:
            stage: see `Stage`.
            schedule: the schedule to run.
            again: whether to run it even if it was submitted before.
        """
        if again:
            return self._pool.submit(self._run, stage, schedule, self._ended)
        key = stage, schedule
        if key not in self._known:
            self._known[key] = self._pool.submit(
                self._run, stage, schedule, self._abandoned
            )
        return self._known[key]

    def submit_batch(self, stage: Stage, schedule: Schedule) -> Future[BatchAnswer]:
        """Run the job on the records of a schedule, with `spark.read`."""
        return self._pool.submit(self._read, stage, schedule)

    def submit_real_time(
        self, stage: Stage, schedule: Schedule
    ) -> Future[RealTimeAnswer]:
        """Run the job on the records of a schedule, in real-time mode."""
        return self._pool.submit(self._run_live, stage, schedule)

    def _run_live(self, stage: Stage, schedule: Schedule) -> RealTimeAnswer:
        with self._session() as session:
            return real_time_answer(stage, session, schedule)

    def _read(self, stage: Stage, schedule: Schedule) -> BatchAnswer:
        outcome = self.submit(stage, schedule).result()
        with self._session() as session:
            return batch_answer(stage, session, schedule, outcome)

    def _run(
        self, stage: Stage, schedule: Schedule, abandoned: threading.Event
    ) -> Outcome:
        if abandoned.is_set():
            raise Abandoned
        with self._session() as session:
            return Trial(stage, session, schedule, abandoned.is_set).run()

    @contextmanager
    def _session(self) -> Iterator[SparkSession]:
        """Reserve a session for the block, so that no other run uses it."""
        session = self._sessions.get()
        try:
            yield session
        finally:
            self._sessions.put(session)
