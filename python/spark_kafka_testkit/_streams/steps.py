"""A query under test, up to its clean end.

The steps have the names of those in Spark's own StreamTest.
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
from spark_kafka_testkit._jvm.spark_jvm import ends_on_its_own, has_ended
from spark_kafka_testkit._queries.death import Death
from spark_kafka_testkit._queries.planned import named_topics
from spark_kafka_testkit._queries.position import Source
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop
from spark_kafka_testkit._streams.state import StreamState
from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit._waits.queries import wait_for_end
from spark_kafka_testkit.errors import SparkSetupError, WaitError

if TYPE_CHECKING:
    from typing_extensions import Self

    from spark_kafka_testkit.serde import Serializer

__all__ = ["StreamSteps"]

log = logging.getLogger("spark_kafka_testkit")

JVM_ENDED = "Spark's JVM has ended, and the query with it. Its output says why."


class StreamSteps(StreamState):
    """What a test does with a query, whoever started it.

    The steps are named like those of Spark's StreamTest: `add_data`,
    `process_all_available`, `check_answer`, `check_new_answer`, `check_last_batch`,
    `stop`, `start`, `expect_failure`.

    Args:
        cluster: where its topics are.
        topic: its sink topic, or None.
        answer: a function that returns the rows of its sink, if that is not a topic, or
            None.
        timeout: the time limit for each step that waits, in seconds.
    """

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._query is None:
            return f"<{name}: not started>"
        return f"<{name}:\n{QueryState(self._query).describe()}>"

    def _repr_html_(self) -> str:
        """The repr for notebooks."""
        return f"<pre>{escape(repr(self))}</pre>"

    @abstractmethod
    def start(self) -> None:
        """Start the query, and wait until it is alive."""

    @abstractmethod
    def _sources(self) -> list[Source]:
        """Its Kafka sources, or none if they are not known."""

    def _await_former(self) -> None:
        """Wait for the end of the run before, if it ends on its own.

        Raises:
            StreamingQueryException: it died.
            WaitError: it had not ended in time.
            RuntimeError: it runs until it is stopped.
        """
        self._await_step()
        if self.query.isActive:
            raise RuntimeError("The query is already running. Call stop() first.")

    def _await_end(self) -> None:
        """Wait until the query has done its step."""
        wait_for_end(self.query, self._timeout)

    def _await_step(self) -> None:
        if self.query.isActive and ends_on_its_own(self.query):
            self._await_end()

    def _run_due(self) -> None:
        """Run the next trigger, if the query is waiting for a test's clock."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Remove what was created for it."""

    def reads(self, topic: str) -> bool:
        """Whether the query reads a topic, or may read it if that is not known."""
        sources = self._sources()
        named = [source for source in sources if not source.pattern]
        return (
            not sources
            or len(named) < len(sources)
            or any(topic in source.topics() for source in named)
        )

    def stop(self) -> None:
        """Stop the query, as a deployment would, in the middle of what it is doing.

        Raises:
            WaitError: (an AssertionError) it has not stopped within 30 s.
        """
        stop(self.query)

    def restart(self) -> None:
        """Stop the query and start it from its checkpoint."""
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
        """Send messages to a source topic, as `KafkaUtils.send_messages` does.

        Raises:
            ValueError: the topic does not exist, and the stream does not read it.
        """
        _arguments.topic("topic", topic)
        sources = self._sources()
        named = named_topics(sources, self._cluster.broker.bootstrap_servers)
        # an existing topic may be read in other ways: by a static side, a foreachBatch
        if (
            named
            and topic not in named
            and not any(source.pattern for source in sources)
            and not self._cluster.has_topic(topic)
        ):
            reads = ", ".join(map(repr, named))
            # of one topic it would only repeat the name
            meant = did_you_mean(topic, named) if len(named) > 1 else ""
            raise ValueError(
                f"Topic {topic!r} is not a source of the stream, which reads "
                f"{reads}.{meant} Send to another topic with send_messages()."
            )
        self._cluster.send(topic, batches(messages, key_serializer, value_serializer))

    def expect_failure(self) -> Exception:
        """Wait until the query dies, and return the exception it died of.

        The end of the run does not raise it again.

        Raises:
            WaitError: (an AssertionError) it did not die in time, ended normally, or
                has processed everything and waits for data.
        """
        state, pauses = QueryState(self.query), Pauses(self._timeout)
        finality, final = Finality(self._cluster, self._session()), ""
        with waiting("expect_failure"):
            while state.is_active and not (final or pauses.is_over):
                pauses.rest()
                final = finality.reason()
        exception = state.query.exception()
        if exception is None:
            when = f", and that is final: {final}" if final else ""
            raise WaitError(
                f"Query {state.name} did not fail"
                f"{when or f' within {self._timeout:g} s'}.\n{state.describe()}",
                query=self.query,
            )
        self._death_seen_by = "expect_failure()"
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
        if not _is_told(problem, error):
            name = "" if has_ended() else f"query {QueryState(self.query).name}: "
            log.warning("%s%s", name, problem)

    def close(self) -> None:
        """End the run, as the end of its block does.

        Raises:
            StreamingQueryException: the query has died unexpectedly.
            WaitError: (an AssertionError) it has not stopped in time.
        """
        if problem := self._end():
            raise problem

    def _end(self) -> Exception | None:
        """Stop the query, remove the checkpoint, and return the error to raise.

        The error is what the query died of unexpectedly, or why it did not stop. None
        if there is none.
        """
        try:
            if self._query is None:
                return None
            stop(self._query)
            return None if self._death_seen_by else self._query.exception()
        except Exception as error:  # noqa: BLE001  the block's own error comes first
            return SparkSetupError(JVM_ENDED) if has_ended() else error
        finally:
            self._cluster.end(self._stop_running)
            self._clean_up()

    def _begin_checks(self) -> None:
        """Note what the sink already holds, because that is not new."""
        if self._checked is None:
            with suppress(Exception):  # not there yet, or raised later
                self._checked = self._mark()

    def _stop_running(self) -> None:
        if self._query is not None:
            stop(self._query)


def _is_told(problem: Exception, error: object) -> bool:
    """Whether the error that ends a block is the problem, or has its cause in the text.

    Spark makes a new exception each time it is asked what a query died of, and its text
    differs from that of `awaitTermination`.
    """
    if error is problem:
        return True
    cause, text = Death.of(str(problem)).cause, str(error)
    return bool(cause) and (cause in text or cause == Death.of(text).cause)
