"""A crash of a query, for the time of a `with` block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._streams.crash_points import NOTHING_SENT, CrashPoint
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

UNTIL_ITS_END = "until the query ended"
MORE_TIME = "Give it more time (timeout=...), or look for what holds it."
IS_CAUGHT = (
    "Does a foreachBatch function catch the errors of what it writes? What was not "
    "written is lost then."
)
NO_CHECKSUMS = (
    "Its checkpoint has no checksums, of which a crash is made. Use one of Hadoop's "
    "file systems that has them for local files."
)


class Crash:
    """What `crash` gives, for a `with` block: the batch of what is sent in the block is
    lost. At the block's end the query is dead.

    Attributes:
        point: where the batch is lost.
        batch: its number.
        has_come: whether it was lost.
    """

    def __init__(self, run: CrashSteps, point: Point) -> None:
        self.point, self.batch = point, -1
        self.has_come = False
        self._before: StreamingQuery | None = None  # that has ended already
        self._run = run
        self._place: CrashPoint | None = None

    def __repr__(self) -> str:
        if self._place is None:
            state = "not set"
        else:
            state = f"batch {self.batch}, {'come' if self.has_come else 'set'}"
        return f"<Crash {self.point!r}: {state}>"

    def __enter__(self) -> Self:
        self._place, self.batch, self._before = self._run._begin_crash(self)
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
                if run.query is not self._before:
                    state.raise_if_dead()
                if is_started:
                    raise WaitError(
                        self._why_not(place, UNTIL_ITS_END), query=run.query
                    )
                is_started = True
                run._start_for_crash()  # one that runs in steps, or was stopped
                continue
            if place.log.has("commits", self.batch) and not self._is_caught(place):
                raise WaitError(self._why_not(place, ""), query=run.query)
            if pauses.is_over:
                within = f"within {run._timeout:g} s"
                raise WaitError(self._why_not(place, within), query=run.query)
            pauses.rest()

    def _is_lost(self, place: CrashPoint) -> bool:
        query = self._run.query
        if isinstance(place, InDriver):
            return place.has_come("")
        return (
            query is not self._before
            and not query.isActive
            and place.has_come(str(query.exception() or ""))
        )

    @staticmethod
    def _is_caught(place: CrashPoint) -> bool:
        """Whether it is on its way: the query has met it, and is about to die."""
        return place.has_come("")

    def _why_not(self, place: CrashPoint, when: str) -> str:
        if place.log.has("commits", self.batch):
            why = f"batch {self.batch} was committed"
            advice = IS_CAUGHT if self.point == "in_task" else NO_CHECKSUMS
        elif place.log.has("offsets", self.batch):
            why, advice = f"batch {self.batch} was not over {when}", MORE_TIME
        else:
            why, advice = f"no batch began {when}", NOTHING_SENT
        return (
            f"The crash {self.point!r} did not come: {why}.\n{advice}\n"
            f"{QueryState(self._run.query).describe()}"
        )


def _is_a_death(error: object) -> bool:
    """Whether it is what a query dies of; by Spark Connect each call makes another."""
    return type(error).__name__ == "StreamingQueryException"
