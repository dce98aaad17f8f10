"""A query whose clock the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._event_time import local_time, shown_time
from spark_kafka_testkit._jvm.query_clock import QueryClock, helper_of, interval_of
from spark_kafka_testkit._queries.batch import Batch
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._streams.steps import StreamSteps
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["ClockedSteps", "RunClock"]

EXAMPLE = 'trigger={"processingTime": "1 minute"}'


class RunClock:
    """The clock of a stream, which keeps its time when the query is started again.

    Args:
        session: the session of the stream's DataFrame.
        start: the time that the clock shows at first.
        trigger: the stream's trigger.

    Raises:
        SparkSetupError: the session's JVM is not in reach, or lacks the helper.
        TypeError, ValueError: an invalid time, or a trigger other than one of
            processing time.

    Attributes:
        time: the time it shows, in milliseconds since the epoch.
        next: when the query's next trigger is due.
    """

    def __init__(
        self, session: SparkSession, start: Any, trigger: Mapping[str, Any] | None
    ) -> None:
        self.time = self.next = _arguments.moment("clock", start)
        if set(trigger or {}) != {"processingTime"} or trigger is None:
            given = "none" if not trigger else dict(trigger)
            raise ValueError(
                f"clock= needs a processing-time trigger, but the stream has {given}. "
                f"Give {EXAMPLE}."
            )
        self._helper = helper_of(session)
        told = _arguments.text("trigger['processingTime']", trigger["processingTime"])
        self._interval = interval_of(session, told)
        if self._interval == 0:
            raise ValueError(
                f"clock= needs a trigger with an interval. {told!r} is not one, and "
                f"would never wait for the clock. Give {EXAMPLE}."
            )
        self._session = session
        self._clock: QueryClock | None = None

    @contextmanager
    def starting(self, checkpoint: str) -> Iterator[None]:
        """Give the clock to a query with this checkpoint that starts in the block."""
        self.close()
        self._clock = QueryClock(
            self._helper, self._session, checkpoint, self.time, self._interval
        )
        with self._clock.starting():
            yield

    def go_on(
        self, query: StreamingQuery, to: int, timeout: float, look: Callable[[], None]
    ) -> list[Batch]:
        """Advance the time, and wait until the query has run what is due.

        Raises:
            StreamingQueryException: it died.
            WaitError: it was not done in time.
            RuntimeError: it is not running.
        """
        if self._clock is None or not query.isActive:
            QueryState(query).raise_if_dead()
            raise RuntimeError("The stream is not running. Call start() first.")
        rest = self._clock.go_on(to, timeout, look)
        self.time = rest.time
        state = QueryState(query)
        if rest.has_ended:
            state.raise_if_dead()
            raise RuntimeError("The stream was stopped while its clock went on.")
        if not rest.is_at_rest or rest.next is None:
            raise WaitError(
                f"Query {state.name} had not run what was due by {shown_time(to)} "
                f"within {timeout:g} s: its clock stands at {shown_time(rest.time)}.\n"
                f"{state.describe()}",
                "Give it more time (timeout=...), or advance by less.",
                query=query,
            )
        self.next = rest.next
        return [Batch.of(one, one) for one in rest.batches]

    def close(self) -> None:
        """Release what the JVM keeps for it."""
        if self._clock is not None:
            self._clock.close()
            self._clock = None


class ClockedSteps(StreamSteps):
    """The steps of a stream that may have a clock."""

    _clock: RunClock | None = None

    def advance(self, by: str | timedelta) -> list[Batch]:
        """Advance the stream's clock, and run what is due on the way.

        The triggers run one after another, each at its own time. With a trigger of a
        minute, `advance("30 minutes")` runs 30. A trigger makes no batch if there is no
        data and no timer is due.

        Example:
            with kafka.run_stream(
                df, "out", trigger={"processingTime": "1 minute"}, clock=at("09:00")
            ) as run:
                run.add_data("in", [("a", 1)])
                (batch,) = run.advance("1 minute")

        Args:
            by: how far to advance, as text in the form that Spark's triggers use, or as
                a `timedelta`.

        Returns:
            The batches that were run.

        Raises:
            StreamingQueryException: the query died.
            WaitError: (an AssertionError) what was due was not done within the run's
                timeout. Triggers that had not begun by then are not run.
            TypeError: the stream has no clock.
            ValueError: an invalid span of time.
            RuntimeError: the stream is not running.
        """
        clock = self._clock_for("advance()")
        to = clock.time + _arguments.duration("by", by)
        with waiting("advance"):
            return self._go_on(to)

    def advance_to(self, to: str | datetime) -> list[Batch]:
        """Advance the stream's clock to a point in time.

        The rest is as for `advance`.

        Args:
            to: a `datetime` or its ISO text. Without a zone it is local time, as in
                `at()`.

        Raises:
            ValueError: an invalid time, or one that has passed.
        """
        clock = self._clock_for("advance_to()")
        moment = _arguments.moment("to", to)
        if moment < clock.time:
            raise ValueError(
                f"The clock can't go back: it stands at {shown_time(clock.time)}, but "
                f"advance_to() got {shown_time(moment)}. Give a later time."
            )
        with waiting("advance_to"):
            return self._go_on(moment)

    @property
    def now(self) -> datetime:
        """The time of the stream's clock, in the local time zone, as in `at`.

        Raises:
            TypeError: the stream has no clock.
        """
        return local_time(self._clock_for("now").time)

    def expect_failure(self) -> Exception:
        """Wait until the query dies, and return the exception it died of.

        If the stream has a clock, its next trigger is run for that. The end of the run
        does not raise the exception again.

        Raises:
            WaitError: (an AssertionError) it did not die in time, or ended normally.
        """
        state = QueryState(self.query)
        if self._clock is None or not state.is_active:
            return super().expect_failure()
        from pyspark.errors import StreamingQueryException

        with suppress(StreamingQueryException):
            self._run_trigger()
        if state.query.exception() is not None:
            return super().expect_failure()
        raise WaitError(
            f"Query {state.name} did not fail in its trigger at "
            f"{shown_time(self._clock.time)}.\n{state.describe()}",
            query=self.query,
        )

    def _shown_clock(self) -> str:
        if self._clock is None:
            return ""
        return (
            f"it shows {shown_time(self._clock.time)}, and the next trigger is due at "
            f"{shown_time(self._clock.next)}"
        )

    def _clock_for(self, step: str) -> RunClock:
        if self._clock is None:
            raise TypeError(
                f"{step} is for a stream with a clock: "
                f'run_stream(..., {EXAMPLE}, clock="2026-01-01T09:00").'
            )
        return self._clock

    def _run_due(self) -> None:
        if self._clock is not None:
            self._run_trigger()

    def _run_trigger(self) -> list[Batch]:
        """Advance the clock to the next trigger."""
        return self._go_on(self._clock_for("a trigger").next)

    def _next_clocked_batch(self) -> Batch:
        """The batch of the next trigger."""
        batches = self._run_trigger()
        if not batches:
            raise WaitError(
                f"No batch was run at {shown_time(self._clock_for('a batch').time)}: "
                "nothing was sent since the last one, and no timer was due. Send "
                "first, or advance() to the timer.",
                query=self.query,
            )
        return batches[0]

    def _go_on(self, to: int) -> list[Batch]:
        clock, look = self._clock_for("a clock"), self._cluster.check_usable
        return clock.go_on(self.query, to, self._timeout, look)

    def _clock_in(self, checkpoint: str) -> AbstractContextManager[None]:
        """Give the query the clock, if there is one, while it starts in the block."""
        return self._clock.starting(checkpoint) if self._clock else nullcontext()

    def _end(self) -> Exception | None:
        try:
            return super()._end()
        finally:
            if self._clock is not None:
                self._clock.close()
