"""Crashes of a query, replays, and what must hold in spite of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._queries.batch_log import BatchLog
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._streams.crash import POINTS, Crash, Point
from spark_kafka_testkit._streams.crash_points import (
    AtLog,
    CrashPoint,
    InTask,
)
from spark_kafka_testkit._streams.driver_crash import InDriver, driver_settings
from spark_kafka_testkit._streams.steps import StreamSteps
from spark_kafka_testkit._text import Cause
from spark_kafka_testkit._waits.answer import Answer
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.equality import unmatched
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit.errors import WaitError

__all__ = ["CrashSteps"]

WRITTEN_AGAIN = Cause(
    "A batch ran again, and Kafka's sink wrote it again.",
    "Expect a dict, the last value of each key, or let the job drop duplicates.",
)


class CrashSteps(StreamSteps):
    """The steps of a query that is to survive. See `StreamSteps` for the others."""

    _crash: Crash | None = None
    _ran_again = False  # whether a batch was to run again

    def crash(self, point: Point) -> Crash:
        """Lose a batch: the one that consists of what is sent in the `with` block.

        When the block ends, the query is dead, and its checkpoint and its sink are as a
        crash leaves them. `start()` continues from there.

        Before the block begins, what was sent earlier is processed and the query is
        stopped. So everything sent in the block is one batch, which begins when the
        block ends. After a crash, and before `start()`, you can lose that batch again.

        Example:
            with run.crash("after_sink"):
                run.add_data("in", [("a", 1)])
            run.start()
            run.check_exactly_once()

        Args:
            point: where the batch is lost.

                - `"before_sink"`: it has begun, and the sink has received nothing.
                - `"after_sink"`: the sink has all of it, and it is not committed.
                - `"in_task"`: its tasks fail, each in the middle of its output, in a
                  Python step after the query's last one. Only for `run_stream`.
                - `"driver"`: the Spark process is killed in the middle of it. Only for
                  `follow` with a function that takes a session. The batch is run in
                  another process, with its own Spark.

        Raises:
            TypeError: the sink is Spark's memory sink, which forgets its contents, the
                query has no batches, or the point is not available here.
            ValueError: there is no such point, or the checkpoint is not on this
                machine.
            WaitError: (an AssertionError) the query did not come to rest before the
                block. At the end of the block: the crash did not happen.
            StreamingQueryException: at the end of the block: the query died of
                something else.
        """
        _arguments.choice("point", point, POINTS)
        self._check_replays()
        self._check_point(point)
        if self._crash is not None:
            raise RuntimeError(f"There is a crash already: {self._crash!r}.")
        self._crash = Crash(self, point)
        return self._crash

    def process_all_available(self) -> None:
        if self._crash is not None:
            raise RuntimeError(
                "The query is stopped inside the block of crash(). Send the records to "
                "lose there. The batch runs when the block ends."
            )
        if self._is_dead_as_expected():
            raise RuntimeError(
                f"The query is dead since {self._death_seen_by}. Call start() first."
            )
        super().process_all_available()

    process_all_available.__doc__ = StreamSteps.process_all_available.__doc__

    def replay_last_batch(self) -> int:
        """Run the last batch again under its number, and return the number.

        This is what happens after a crash between the sink and the commit. The call
        returns when the batch is committed again.

        A batch without data counts as a batch too. Spark runs one when the watermark
        has moved. If it follows the data, it is the one that runs again. In that case,
        lose the batch with the data with `crash("after_sink")`.

        Raises:
            TypeError: the sink is Spark's memory sink, or the query has no batches.
            ValueError: the checkpoint is not on this machine.
            WaitError: (an AssertionError) there is no batch yet, or a later one has
                begun. Or the query did not come to rest, or the batch was not committed
                again in time.
            StreamingQueryException: the query died.
        """
        self._check_replays()
        log = self._batch_log()
        self.settle()
        self.stop()
        batch = log.last_committed
        if batch < 0:
            raise WaitError(
                "No batch has been committed yet, so there is none to replay."
            )
        if log.last_begun > batch:
            raise WaitError(
                f"Batch {batch + 1} has begun but is not committed, so Spark would run "
                f"it instead of batch {batch}. Run it with start(), then replay."
            )
        log.forget_commit(batch)
        self._ran_again = True
        self.start()
        self._run_due()
        state, pauses = QueryState(self.query), Pauses(self._timeout)
        while not log.has("commits", batch):
            state.raise_if_dead()
            if pauses.is_over:
                raise WaitError(
                    f"Batch {batch} was not committed again within "
                    f"{self._timeout:g} s.\n{state.describe()}",
                    query=self.query,
                )
            pauses.rest()
        return batch

    def _why_at_rest(self) -> list[Cause]:
        if self._crash is None:
            return super()._why_at_rest()
        return [
            Cause(
                "The query is stopped inside the block of crash(). The batch runs when "
                "the block ends.",
                "Check after the block.",
            )
        ]

    def _explain(
        self, answer: Answer, wanted: Any, deserializers: Any, last: Any
    ) -> list[str]:
        why = super()._explain(answer, wanted, deserializers, last)
        if self._ran_again and self._topic is not None and _repeats(wanted, last):
            why.insert(0, WRITTEN_AGAIN)
        return why

    @property
    def has_committed(self) -> bool:
        """Whether there is a batch that could be replayed."""
        return self._batch_log().last_committed >= 0

    def _check_replays(self) -> None:
        """Check that the query can replay a batch.

        Raises:
            TypeError: its sink ignores a batch that it already has, or forgets it.
        """
        if self._has_memory_sink():
            raise TypeError(
                "Spark's memory sink is lost with its query, so it can't show what a "
                "crash does to a sink. Run the stream into a topic: run_stream(df, "
                "topic=...)."
            )
        if self._query is not None and QueryState(self.query).mode != "micro-batch":
            raise TypeError(
                f"The query runs in {QueryState(self.query).mode} mode, but a crash "
                "needs a micro-batch. Run it with a micro-batch trigger."
            )

    @abstractmethod
    def _has_memory_sink(self) -> bool:
        """Whether it writes to Spark's memory sink."""

    @abstractmethod
    def _check_point(self, point: Point) -> None:
        """Check that the crash is possible here.

        Raises:
            TypeError: the point is not available here.
        """

    @abstractmethod
    def _set_failing(self, is_failing: bool) -> None:
        """Set whether the query's tasks are to fail when it is started again."""

    @abstractmethod
    def _job(self) -> Callable[[Any], Any]:
        """The function that starts the query with the session it is given."""

    def _batch_log(self) -> BatchLog:
        folder = _arguments.local_folder("checkpoint", self._checkpoint())
        if not folder.is_dir():
            raise ValueError(
                f"The checkpoint {str(folder)!r} is not on this machine, and a crash "
                "needs its files. Give a local one: run_stream(..., checkpoint=...)."
            )
        return BatchLog(folder)

    def settle(self) -> None:
        """Wait until the query is waiting for data, or has ended."""
        pauses, finality = (
            Pauses(self._timeout),
            Finality(self._cluster, self._session()),
        )
        state = QueryState(self.query)
        while state.is_active and not finality.reason():
            if not self._sources() and state.is_resting and state.progress is not None:
                return  # its sources are not Kafka sources
            if pauses.is_over:
                raise WaitError(
                    f"Query {state.name} did not come to rest within {self._timeout:g} "
                    "s, so the kit can't tell which batch is next.\n"
                    f"{state.describe()}",
                    "A processing-time timer, or a source that produces data on its "
                    "own, never lets a query rest.",
                    query=self.query,
                )
            pauses.rest()
        if not self._death_seen_by:  # else it died of an earlier crash
            state.raise_if_dead()

    def _begin_crash(self, crash: Crash) -> tuple[CrashPoint, int]:
        """Set the crash, and stop the query.

        So everything that is sent in the block is one batch.

        Returns:
            Where the crash is to happen, and the number of the batch.
        """
        try:
            self.settle()
            self.stop()
            log = self._batch_log()
            batch = log.last_committed + 1
            if log.last_begun == batch and crash.point in ("before_sink", "driver"):
                raise WaitError(
                    f"Batch {batch} has begun but is not committed. It can be lost "
                    f"again, but not with {crash.point!r}. Call start() and "
                    "process_all_available() first."
                )
            self._set_failing(crash.point == "in_task")
            place = self._place_of(crash.point, log)
            place.set(batch)
        except BaseException:
            self._end_crash(crash)
            raise
        return place, batch

    def _place_of(self, point: Point, log: BatchLog) -> CrashPoint:
        if point == "in_task":
            return InTask(log)
        if point == "driver":
            settings = driver_settings(self._session())
            return InDriver(log, self._job(), settings, self._timeout)
        return AtLog(log, "offsets" if point == "before_sink" else "commits")

    def _start_for_crash(self) -> None:
        before = self._query
        try:
            self.start()
            self._run_due()
        except Exception:
            if self._query is before:
                raise
            # It is dead, of the crash or not, or not yet alive: the code that waits
            # will see.

    def _end_crash(self, crash: Crash) -> None:
        self._crash = None
        self._set_failing(False)
        if crash.has_come:
            self._ran_again = True
            self._death_seen_by = f"crash({crash.point!r})"

    def _end(self) -> Exception | None:
        problem = super()._end()
        if problem is None and self._crash is not None:
            return WaitError(
                f"crash({self._crash.point!r}) was called without a block, so no crash "
                f"happened. Write `with run.crash({self._crash.point!r}):` and send "
                "the records to lose in it."
            )
        return problem


def _repeats(wanted: Any, last: Any) -> bool:
    """Whether the answer has all that is wanted, and some of it more than once."""
    if not (isinstance(wanted, list) and isinstance(last, list)):
        return False
    missing, more = unmatched(wanted, last)
    return not missing and bool(more) and all(one in wanted for one in more)
