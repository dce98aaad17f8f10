"""A crash of a query, for the time of a `with` block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._streams.crash_points import CrashPoint
from spark_kafka_testkit._streams.driver_crash import InDriver
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Self

    from spark_kafka_testkit._streams.crashes import CrashSteps

__all__ = ["POINTS", "Crash", "Point"]

Point = Literal["before_sink", "after_sink", "in_task", "driver"]
POINTS = ("before_sink", "after_sink", "in_task", "driver")

NOTHING_SENT = (
    "Send what the batch is to hold in the block of crash(), after all else that is "
    "sent."
)

IS_CAUGHT = "does a foreachBatch function catch the errors of what it writes?"
NO_CHECKSUMS = (
    "its checkpoint has no checksums, which a crash is made of. Use Spark's own file "
    "system for local files."
)


class Crash:
    """What `crash` gives, for a `with` block: the batch of what is sent in the block is
    lost. At the block's end the query is dead.

    Attributes:
        point: where the batch is lost.
        batch: its number.
        has_come: whether it was lost.
        before: the query that had ended when the crash was set, if it had.
    """

    def __init__(self, run: CrashSteps, point: Point) -> None:
        self.point, self.batch = point, -1
        self.has_come = False
        self.before: StreamingQuery | None = None
        self._run = run
        self._place: CrashPoint | None = None

    def __repr__(self) -> str:
        if self._place is None:
            state = "not set"
        else:
            state = f"batch {self.batch}, {'come' if self.has_come else 'set'}"
        return f"<Crash {self.point!r}: {state}>"

    def __enter__(self) -> Self:
        self._place, self.batch = self._run._begin_crash(self)
        return self

    def __exit__(self, _type: object, error: object, _trace: object) -> bool:
        assert self._place is not None
        try:
            if error is None:
                self._wait(self._place)
            self.has_come = self._is_lost(self._place)
            if not self.has_come:
                return False
        finally:
            self._place.clear()
            self._run._end_crash(self)
        # the block's own wait was the first to see the query dead
        return _is_a_death(error)

    def _wait(self, place: CrashPoint) -> None:
        """Waits until the query has died here.

        Raises:
            StreamingQueryException: it died of something else.
            WaitError: it did not die.
        """
        if isinstance(place, InDriver):
            place.wait()
            return
        run = self._run
        pauses, is_started = Pauses(run._timeout), False
        while True:
            state = QueryState(run.query)
            if not state.is_active:
                if self._is_lost(place):
                    return
                if run.query is not self.before:
                    state.raise_if_dead()
                if is_started:
                    raise WaitError(self._why_not(place, "has ended"), query=run.query)
                is_started = True
                run._start_for_crash()  # one that runs in steps, or was stopped
                continue
            if place.log.has("commits", self.batch) and not self._is_caught(place):
                raise WaitError(self._why_not(place, "goes on"), query=run.query)
            if pauses.is_over:
                within = f"still runs {run._timeout:g} s later"
                raise WaitError(self._why_not(place, within), query=run.query)
            pauses.rest()

    def _is_lost(self, place: CrashPoint) -> bool:
        query = self._run.query
        if isinstance(place, InDriver):
            return place.has_come("")
        return (
            query is not self.before
            and not query.isActive
            and place.has_come(str(query.exception() or ""))
        )

    @staticmethod
    def _is_caught(place: CrashPoint) -> bool:
        """Whether it is on its way: the query has met it, and is about to die."""
        return place.has_come("")

    def _why_not(self, place: CrashPoint, what: str) -> str:
        name = QueryState(self._run.query).name
        if place.log.has("commits", self.batch):
            why = f"batch {self.batch} was committed all the same: " + (
                IS_CAUGHT if self.point == "in_task" else NO_CHECKSUMS
            )
        elif place.log.has("offsets", self.batch):
            why = f"batch {self.batch} is not over. Give it more time (timeout=...)."
        else:
            why = f"no batch began. {NOTHING_SENT}"
        return (
            f"The crash {self.point!r} did not come: query {name} {what}, and {why}\n"
            f"{QueryState(self._run.query).describe()}"
        )


def _is_a_death(error: object) -> bool:
    """Whether it is what a query dies of; by Spark Connect each call makes another."""
    return type(error).__name__ == "StreamingQueryException"
