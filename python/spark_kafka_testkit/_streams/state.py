"""Checks of a query's state, its watermark, and its late rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._jvm.plans import keyed_without_time, output_mode
from spark_kafka_testkit._queries.batch import (
    NO_OPERATOR,
    local,
    operators_sum,
    rows_in,
    watermark_of,
)
from spark_kafka_testkit._queries.late import LateRowsReader, chosen
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.store import read_state
from spark_kafka_testkit._streams.checks import RESTLESS_BATCHES, StreamChecks
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["PROGRESS_KEPT", "StreamState"]

NO_WATERMARK = (
    "It has no watermark, so nothing leaves the state. Give the DataFrame one with "
    "withWatermark()."
)
LONGER_DELAY = " Send in time order, or give withWatermark() a longer delay."
NO_TIME_IN_KEY = "Rows whose key has no event time never leave the state."
TIMED_KEYS = {
    "Aggregate": "Group by a window() of the column with the watermark.",
    "Deduplicate": (
        "Name the column with the watermark in dropDuplicates() too, or use "
        "dropDuplicatesWithinWatermark()."
    ),
}
"""How the keys of a node get an event time, by its class."""
PROGRESS_KEPT = "spark.sql.streaming.numRecentProgressUpdates"


class StreamState(StreamChecks):
    """The state of a query. See `StreamSteps`."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str | None,
        answer: Callable[[], Any] | None,
        timeout: float,
    ) -> None:
        super().__init__(cluster, topic, answer, timeout)
        self._past: list[Any] = []
        self._progress_kept: int | None = None  # the session's setting

    @abstractmethod
    def _checkpoint(self) -> str:
        """Its checkpoint location."""

    def state(
        self,
        operator: str | int | None = None,
        *,
        side: str | None = None,
        variable: str | None = None,
    ) -> list[dict[str, Any]]:
        """The rows that a stateful operator of the query holds.

        They are those of the last committed batch. The query may be running or not.

        Example:
            assert run.state() == [{"window": ANY, "key": "a", "count": 2}]

        Args:
            operator: its number or its name in Spark (`stateStoreSave`, `dedupe`,
                `symmetricHashJoin`, ...). Not needed if there is only one.
            side: `"left"` or `"right"`, for a join of two streams.
            variable: for transformWithState, the name that the processor gives the
                variable.

        Returns:
            A dict for each row, in no particular order, with the parts of its key and
            its value by name.

        Raises:
            SparkSetupError: (a RuntimeError) Spark is older than 4.0.
            ValueError: there is no such operator, or more than one.
            TypeError: the operator is a join, and the side is missing.
        """
        where = self._checkpoint()
        return read_state(self._session(), where, operator, side, variable)

    def timers(self, operator: str | int | None = None) -> list[dict[str, Any]]:
        """The timers that a processor of transformWithState has registered.

        Each has the parts of the key, and `expiration_timestamp_ms`. The rest is as for
        `state`.
        """
        where = self._checkpoint()
        return read_state(
            self._session(), where, operator, side=None, variable=None, timers=True
        )

    def changes(
        self,
        since_batch: int,
        operator: str | int | None = None,
        *,
        variable: str | None = None,
    ) -> list[dict[str, Any]]:
        """What a batch and the batches after it have changed in the state, in order.

        There is a dict for each change, as in `state`, with its `batch_id` and
        `change_type` (`update`, `delete`, `append`).

        Example:
            batch = run.next_batch()
            assert run.changes(batch.id) == [
                {"batch_id": 1, "change_type": "update", "key": "a", "count": 2}
            ]

        Raises:
            SparkSetupError: (a RuntimeError) Spark is older than 4.0.
            ValueError: there is no such operator, or more than one, or it is a join,
                whose changes Spark does not report.
        """
        since = _arguments.whole("since_batch", since_batch, 0)
        where, spark = self._checkpoint(), self._session()
        return read_state(
            spark, where, operator, side=None, variable=variable, changes_since=since
        )

    @property
    def watermark(self) -> datetime | None:
        """The query's watermark as of its last batch, or None if it has none.

        It is in the local time zone, as in `at`.
        """
        progress = QueryState(self.query).progress
        return None if progress is None else local(watermark_of(progress))

    def check_state_bounded(self, rows: int) -> None:
        """Check that the query's stateful operators hold no more than this many rows.

        The limit is for all of them together. The check waits until everything that was
        sent is processed and the watermark has closed what it closes. Send what moves
        the watermark first.

        Example:
            run.add_data("clicks", [Record("a", "1", timestamp=at("12:00"))])
            run.check_state_bounded(rows=1)

        Raises:
            WaitError: (an AssertionError) they hold more.
            ValueError: the query has no stateful operator.
        """
        most = _arguments.whole("rows", rows, 0)
        with waiting("check_state_bounded"):
            self._is_at_rest(batches=RESTLESS_BATCHES)
        told = [*self._past, *self.query.recentProgress]
        batches = [one for one in told if one["stateOperators"]]
        if not batches:
            raise ValueError(NO_OPERATOR)
        progress: Any = batches[-1]  # after a start, a trigger without a batch has none
        operators = [dict(one) for one in progress["stateOperators"]]
        total = operators_sum(progress, "numRowsTotal")
        if total <= most:
            return
        parts = ", ".join(
            f"{one['numRowsTotal']} in {one['operatorName']}" for one in operators
        )
        raise WaitError(
            f"The state of the query holds {total} rows ({parts}), but at most {most} "
            "are allowed.\n"
            f"{self._why_rows_stay(watermark_of(progress))}",
            query=self.query,
        )

    def _why_rows_stay(self, watermark: datetime | None) -> str:
        """Why rows are still in the state, and what removes them."""
        if output_mode(self.query) == "complete":
            return "In complete mode nothing leaves the state. Use update or append."
        keyed = keyed_without_time(self.query)
        ways = [way for kind, way in TIMED_KEYS.items() if kind in keyed]
        if watermark is None:
            return " ".join([NO_WATERMARK, *ways])
        if ways:
            return " ".join([NO_TIME_IN_KEY, *ways])
        return (
            f"The watermark is {watermark:%Y-%m-%dT%H:%M:%SZ}. Rows leave the state "
            "when a record comes that is later by more than the delay."
        )

    def check_late(
        self,
        dropped: int,
        *,
        accepted: int | None = None,
        filtered: int | None = None,
        operator: str | int | None = None,
    ) -> None:
        """Check how many rows the query has dropped as late since the run began.

        The check waits until everything that was sent is processed. Each row counts,
        even where Spark counts several as one because they were aggregated before.

        Example:
            run.add_data("clicks", [Record("a", "1", timestamp=at("09:00"))])
            run.check_late(dropped=1)

        Args:
            dropped: how many rows came behind the watermark. If windows overlap, a row
                counts once for each of its windows.
            accepted: how many rows the operator accepted. Together with `dropped` and
                `filtered` they are everything that the query has read, unless windows
                overlap.
            filtered: how many rows did not reach the operator. What a query reads
                twice, for example for both sides of a join, counts twice.
            operator: its number in Spark's progress, or its name. Not needed if there
                is only one.

        Raises:
            WaitError: (an AssertionError) the number differs. The message has the times
                of the rows and the watermark.
            ValueError: the query has no such operator, or several.
            RuntimeError: the rows can't be counted. The message says why.
        """
        wanted = {
            name: _arguments.whole(name, count, 0)
            for name, count in [
                ("dropped", dropped),
                ("accepted", accepted),
                ("filtered", filtered),
            ]
            if count is not None
        }
        with waiting("check_late"):
            self._is_at_rest(batches=RESTLESS_BATCHES)
        history = self._history()
        reader = LateRowsReader(self.query, self._session(), history)
        late, number = chosen(reader.late_rows(), operator)
        if late.uncounted:
            raise RuntimeError(
                f"The kit can't list the rows that {late.operator} has dropped: "
                f"{late.reason}. Spark counts {late.uncounted}, after rows are "
                "aggregated: Batch.late_rows of next_batch()."
            )
        account = {"dropped": late.rows}
        if len(wanted) > 1:
            try:
                account["accepted"] = reader.reached(number) - late.rows
                read = sum(map(rows_in, history))
                account["filtered"] = read - reader.reached(number, once=True)
            except LookupError as error:
                raise RuntimeError(
                    f"The kit can't count the rows that reached {late.operator}: "
                    f"{error}."
                ) from error
        if any(account[name] != count for name, count in wanted.items()):
            expected = ", ".join(f"{count} {name}" for name, count in wanted.items())
            seen = ", ".join(f"{account[name]} {name}" for name in wanted)
            delay = LONGER_DELAY if late.rows > dropped else ""
            raise WaitError(
                f"Expected {expected}, got {seen} (rows of {late.operator})\n"
                f"{late.describe()}{delay}",
                query=self.query,
            )

    def _history(self) -> list[Any]:
        """The progress of all batches of the run.

        Of a batch that ran again, it is the last one.

        Raises:
            RuntimeError: Spark has forgotten some.
        """
        latest = list(self.query.recentProgress)
        kept = self._progress_kept or int(self._session().conf.get(PROGRESS_KEPT) or 0)
        if len(latest) >= kept:
            raise RuntimeError(
                "The query has run more batches than Spark keeps progress for "
                f"({kept}). Give the session a larger {PROGRESS_KEPT}."
            )
        by_number = {int(one["batchId"]): one for one in [*self._past, *latest]}
        return [by_number[number] for number in sorted(by_number)]

    def _begin_query(self, query: StreamingQuery) -> None:
        """Replace the query with a new one, and keep the progress of the old one."""
        if self._query is not None:
            self._past += self._query.recentProgress
        self._query = query
