"""A query under test, to its clean end.

The steps of such a test have the names of Spark's own StreamTest.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._queries.planned import named_topics
from spark_kafka_testkit._queries.position import Source
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop
from spark_kafka_testkit._streams.state import StreamState
from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from typing_extensions import Self

    from spark_kafka_testkit.serde import Serializer

__all__ = ["StreamSteps"]

log = logging.getLogger("spark_kafka_testkit")


class StreamSteps(StreamState):
    """What a test does with a query, whoever has begun it.

    Its steps are called like those of Spark's StreamTest: `add_data`,
    `process_all_available`, `check_answer`, `check_new_answer`, `check_last_batch`,
    `stop`, `start`, `expect_failure`.

    Args:
        cluster: where its topics are.
        topic: its sink topic, or None.
        answer: a function that gives the rows of its sink, where that is another; or
            None.
        timeout: seconds, for each step that waits.
    """

    _failure_expected = False

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._query is None:
            return f"<{name}: not started>"
        return f"<{name}:\n{QueryState(self._query).describe()}>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return f"<pre>{escape(repr(self))}</pre>"

    @abstractmethod
    def start(self) -> None:
        """Starts the query, and waits until it is alive."""

    @abstractmethod
    def _sources(self) -> list[Source]:
        """Its Kafka sources; none where they are not known."""

    def _run_due(self) -> None:
        """Runs the next trigger, where the query waits for a test's clock."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Removes what was made for it."""

    def reads(self, topic: str) -> bool:
        """Whether the query reads a topic; where that is not known, it may."""
        sources = self._sources()
        named = [source for source in sources if not source.pattern]
        return (
            not sources
            or len(named) < len(sources)
            or any(topic in source.topics() for source in named)
        )

    def stop(self) -> None:
        """Stops the query, as a deployment would, in the middle of what it does.

        Raises:
            WaitError: (an AssertionError) it has not stopped within 30 s.
        """
        stop(self.query)

    def restart(self) -> None:
        """Stops the query and starts it from its checkpoint."""
        self.stop()
        self.start()

    def add_data(
        self,
        topic: str,
        messages: Iterable[Any],
        *,
        key_serializer: Serializer | None = None,
        value_serializer: Serializer | None = None,
    ) -> None:
        """Sends messages to a source topic: `KafkaUtils.send_messages`.

        Raises:
            ValueError: the topic is not there, and the stream does not read it.
        """
        _arguments.topic("topic", topic)
        sources = self._sources()
        named = named_topics(sources, self._cluster.broker.bootstrap_servers)
        # one that is there may be read otherwise: by a static side, a foreachBatch
        if (
            named
            and topic not in named
            and not any(source.pattern for source in sources)
            and not self._cluster.has_topic(topic)
        ):
            reads = ", ".join(map(repr, named))
            raise ValueError(
                f"Topic {topic!r} is no source of the stream, which reads {reads}."
                f"{did_you_mean(topic, named)} Send to another topic by "
                "send_messages()."
            )
        self._cluster.send(topic, batches(messages, key_serializer, value_serializer))

    def expect_failure(self) -> Exception:
        """Waits until the query dies, and returns what it died of.

        The run's end does not raise it then.

        Raises:
            WaitError: (an AssertionError) it did not die in time, or ended in peace.
        """
        state, pauses = QueryState(self.query), Pauses(self._timeout)
        with waiting("expect_failure"):
            while state.is_active and not pauses.is_over:
                pauses.rest()
        exception = state.query.exception()
        if exception is None:
            raise WaitError(
                f"Query {state.name} did not fail within {self._timeout:g} s.\n"
                f"{state.describe()}",
                query=self.query,
            )
        self._failure_expected = True
        return exception

    def __enter__(self) -> Self:
        self._cluster.begin(self._stop_running)
        try:
            self._begin_checks()
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, _type: object, error: object, _trace: object) -> None:
        problem = self._end()
        if problem is None:
            return
        if error is None:
            raise problem
        if error is not problem:
            log.warning("query %s: %s", QueryState(self.query).name, problem)

    def close(self) -> None:
        """Ends the run, as the end of its block does.

        Raises:
            StreamingQueryException: the query has died of something unexpected.
            WaitError: (an AssertionError) it has not stopped in time.
        """
        if problem := self._end():
            raise problem

    def _end(self) -> Exception | None:
        """Stops the query, removes the checkpoint; gives the error to raise, or None.

        It is what the query died of unexpectedly, or why it did not stop.
        """
        try:
            if self._query is None:
                return None
            stop(self._query)
            return None if self._failure_expected else self._query.exception()
        except Exception as error:  # noqa: BLE001  the block's own error comes first
            return error
        finally:
            self._cluster.end(self._stop_running)
            self._clean_up()

    def _begin_checks(self) -> None:
        """What the sink holds already is not new."""
        if self._checked is None:
            with suppress(Exception):  # it is not there yet; else it is told later
                self._checked = self._mark()

    def _stop_running(self) -> None:
        if self._query is not None:
            stop(self._query)
