"""A crash of a query, for the duration of a `with` block."""

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
    "Does a foreachBatch function catch errors of its writes? Then what was not "
    "written is lost."
)
NO_CHECKSUMS = (
    "Its checkpoint has no checksums, which a crash needs. Use one of Hadoop's file "
    "systems that write them for local files."
)


class Crash:
    """A crash for a `with` block, as `crash` returns it.

    What is sent in the block is one batch, which is lost when the block ends. The query
    is then dead.

    Attributes:
        point: where the batch is lost.
        batch: its number.
        has_come: whether it was lost.
    """

    def __init__(self, run: CrashSteps, point: Point) -> None:
        self.point, self.batch = point, -1
        self.has_come = False
        self._run = run
        self._place: CrashPoint | None = None
        self._before: StreamingQuery | None = None  # the query that has ended

    def __repr__(self) -> str:
        if self._place is None:
            state = "not set"
        else:
            state = f"batch {self.batch}, {'come' if self.has_come else 'set'}"
        return f"<Crash {self.point!r}: {state}>"

    def __enter__(self) -> Self:
        self._place, self.batch = self._run._begin_crash(self)
        self._before = self._run.query
        return self

    def __exit__(self, _type: object, error: object, _trace: object) -> bool:
        assert self._place is not None
        try:
            if error is None:
                self.has_come = self._lose(self._place)
            else:
                self.has_come = self._is_lost(self._place)
        finally:
            self._place.clear()
            self._run._end_crash(self)
        # a step in the block, such as next_batch(), was the first to see the query dead
        return self.has_come and type(error).__name__ == "StreamingQueryException"

    def _lose(self, place: CrashPoint) -> bool:
        """Run the batch, wait until it is lost, and return whether it is.

        Raises:
            StreamingQueryException: the query died of something else.
            WaitError: it did not die.
        """
        run, pauses = self._run, Pauses(self._run._timeout)
        if isinstance(place, InDriver):
            place.run()
            return self._is_lost(place)
        if run.query is self._before:
            run._start_for_crash()
        while True:
            state = QueryState(run.query)
            if not state.is_active:
                if self._is_lost(place):
                    return True
                state.raise_if_dead()
                raise WaitError(self._why_not(place, UNTIL_ITS_END), query=run.query)
            # a query that has met the crash is about to die
            if place.log.has("commits", self.batch) and not place.has_come(""):
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

    def _why_not(self, place: CrashPoint, when: str) -> str:
        if place.log.has("commits", self.batch):
            why = f"batch {self.batch} was committed"
            advice = IS_CAUGHT if self.point == "in_task" else NO_CHECKSUMS
        elif place.log.has("offsets", self.batch):
            why, advice = f"batch {self.batch} was not over {when}", MORE_TIME
        else:
            why, advice = f"no batch began {when}", NOTHING_SENT
        return (
            f"The crash {self.point!r} did not happen: {why}.\n"
            f"{advice}\n"
            f"{QueryState(self._run.query).describe()}"
        )
