"""Record what happens in one test."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from spark_kafka_testkit import _clock
from spark_kafka_testkit._jvm.spark_jvm import active_queries
from spark_kafka_testkit._report.facts import TestFacts
from spark_kafka_testkit._report.reading import Ends, ReadQuery, added_up

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._timeline import Wait

__all__ = ["Recording"]

MOST_QUERIES = 12
MOST_WAITS = 200
READ_SECONDS = 10.0

log = logging.getLogger("spark_kafka_testkit")


class Recording:
    """A `_timeline.Listener` that records what it is told.

    The recording begins when this object is created.
    """

    def __init__(self) -> None:
        self._begun = _clock.now()
        self._waits: list[Wait] = []
        self._ends: list[Ends] = []
        self._last_ends: dict[str, dict[int, int]] = {}
        self._starts: dict[str, StreamingQuery] = {}  # by run id
        self._queries: dict[str, ReadQuery] = {}  # by id
        self._left_out: set[str] = set()
        self._lock = threading.Lock()
        self._of_others = set(_running())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recorded."""
        return not (self._waits or self._ends or self._queries)

    def wait_ended(self, wait: Wait) -> None:
        if len(self._waits) < MOST_WAITS or wait.failure:
            self._waits.append(wait)

    def topic_ends(self, topic: str, ends: Mapping[int, int]) -> None:
        if self._last_ends.get(topic) != ends:  # waits report the same ends again
            self._last_ends[topic] = told = dict(ends)
            self._ends.append((_clock.now(), topic, told))
            self._note_running()

    def query_met(self, query: StreamingQuery) -> None:
        try:
            self._note(query)
        except Exception as error:  # noqa: BLE001  a report must not fail a test
            log.debug("a query is not in the report: %s", error)

    def query_ends(self, query: StreamingQuery) -> None:
        """Read the query before it is stopped, while its session still exists."""
        self._in_time(lambda: self._read(query))

    def read(self) -> None:
        """Read all queries of the test, including those that the kit has not met."""
        self._in_time(self._read_all)

    def facts(self) -> TestFacts:
        """Everything that was recorded, up to now."""
        with self._lock:
            queries = list(self._queries.values())
        ends = [end for query in queries for end in query.ends()]
        return TestFacts(
            begun=self._begun,
            ended=_clock.now(),
            queries=[query.facts() for query in queries],
            topics=added_up([*self._ends, *ends], self._begun),
            waits=list(self._waits),
            left_out=len(self._left_out),
        )

    def _note(self, query: StreamingQuery) -> ReadQuery | None:
        run, number = str(query.runId), str(query.id)
        known = self._queries.get(number) or ReadQuery(query)
        with self._lock:  # no question to Spark inside: it may not answer
            if number not in self._queries and len(self._queries) >= MOST_QUERIES:
                self._left_out.add(number)
                return None
            self._starts[run] = query
            return self._queries.setdefault(number, known)

    def _note_running(self) -> None:
        """Note the queries that the test has started itself.

        The test may also stop them itself, before the recording reads them. Queries
        that ran before the test are left out.
        """
        for run, query in _running().items():
            if run not in self._of_others:
                self.query_met(query)

    def _read(self, query: StreamingQuery) -> None:
        known = self._note(query)
        if known is not None:
            known.read(query, self._begun)

    def _read_all(self) -> None:
        self._note_running()
        for run, query in self._starts.copy().items():
            try:
                # asked before the read: if it has ended, the read has everything
                has_ended = not query.isActive
                self._read(query)
                if has_ended:
                    del self._starts[run]
            except Exception as error:  # noqa: BLE001  its session may have been stopped
                log.debug("a query could not be read for the report: %s", error)

    def _in_time(self, step: Callable[[], None]) -> None:
        """Run the step in a thread, and wait `READ_SECONDS` for it at most.

        If the test hangs, Spark may be the reason.
        """

        def run() -> None:
            try:
                step()
            except Exception as error:  # noqa: BLE001  a report must not fail a test
                log.debug("a query could not be read for the report: %s", error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(READ_SECONDS)


def _running() -> dict[str, StreamingQuery]:
    """The running queries by run id, or none if Spark does not answer."""
    try:
        return {str(query.runId): query for query in active_queries()}
    except Exception as error:  # noqa: BLE001  a report must not fail a test
        log.debug("which queries run is not known: %s", error)
        return {}
