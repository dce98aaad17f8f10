"""Count the writes of a query's batches, and make them fail (`WatchedWrites.scala`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from spark_kafka_testkit._jvm.query_clock import helper_of

if TYPE_CHECKING:
    from typing import Any

    from pyspark.sql import SparkSession
    from typing_extensions import Self

__all__ = ["NoWrites", "WatchedWrites"]


class WatchedWrites:
    """The writes of a query, watched from its next start on.

    The watch ends with the block.

    Args:
        session: the session in which the query starts.
        query: its id, which it keeps with its checkpoint.
        failing: which of its writes fails, counted from 1, or 0 for none.

    Raises:
        SparkSetupError: the session's JVM lacks the helper.

    Attributes:
        count: the number of writes, at the end of the block.
        has_failed: whether one was made to fail.
    """

    def __init__(self, session: SparkSession, query: str, failing: int) -> None:
        self.count, self.has_failed = 0, False
        self._helper = helper_of(session)
        self._session, self._failing = cast("Any", session)._jsparkSession, failing
        self._query = query

    def __enter__(self) -> Self:
        self._helper.watch_writes(self._session, self._query, self._failing)
        return self

    def __exit__(self, *_: object) -> None:
        self.count, self.has_failed = self._helper.unwatch_writes(self._query)


class NoWrites:
    """No writes at all, for when they can't be watched."""

    count, has_failed = 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
