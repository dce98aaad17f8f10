"""Checks of a query's answer, and when an answer is final."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._text import Cause, readable
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.answer import Answer, End, RowsAnswer
from spark_kafka_testkit._waits.causes import causes
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit._waits.matchers import contains
from spark_kafka_testkit._waits.queries import wait_for_watermark, wait_until_processed
from spark_kafka_testkit._waits.topic_answer import TopicAnswer
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit.serde import Deserializer

__all__ = ["RESTLESS_BATCHES", "StreamChecks"]

RESTLESS_BATCHES = 2
"""How many batches to wait for of a query that never rests, as with a timer."""
INTERVAL_SECONDS = 0.25
AS_BYTES: tuple[Deserializer, Deserializer] = ("BINARY", "BINARY")
AS_SHOWN: tuple[Deserializer, Deserializer] = (readable, readable)
"""Text as a test would write it, and bytes where they are no text."""

CAME_EARLIER = Cause(
    "What is missing came earlier, and this check looks only at what is new.",
    "Check all that came with check_answer().",
)


class StreamChecks(ABC):
    """The checks of a query's answer. See `StreamSteps`."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str | None,
        answer: Callable[[], Any] | None,
        timeout: float,
    ) -> None:
        if topic is not None and answer is not None:
            raise ValueError(
                "Give a sink topic or answer, not both: the kit reads a topic itself."
            )
        if answer is not None and not callable(answer):
            raise TypeError(
                "answer must be a function that returns the rows of the sink, not "
                f"{type(answer).__name__}"
            )
        self._cluster = cluster
        self._topic = None if topic is None else _arguments.topic("topic", topic)
        self._given_rows = answer
        self._timeout = _arguments.seconds("timeout", timeout)
        self._query: StreamingQuery | None = None
        self._checked: End | None = None
        self._is_stepped = False
        self._before_batch: End | None = None
        self._death_seen_by = ""  # the step that expected the query to die

    @property
    def query(self) -> StreamingQuery:
        """The query, which is a new one after `start`."""
        if self._query is None:
            raise RuntimeError("The stream has not been started. Call start().")
        return self._query

    @abstractmethod
    def _session(self) -> SparkSession:
        """The session that it runs in."""

    @abstractmethod
    def _rows(self) -> Callable[[], Any]:
        """A function that reads the rows of its sink.

        For a sink that is not a topic and has no function of the user's.

        Raises:
            TypeError: it is not known where it writes to.
        """

    @abstractmethod
    def _looks_all_the_time(self) -> bool:
        """Whether its trigger has no interval and does not end the query."""

    @abstractmethod
    def _check_appends(self) -> None:
        """Check that new rows can be distinguished from old ones.

        Raises:
            TypeError: each batch writes everything anew.
        """

    def process_all_available(self) -> None:
        """Wait until the query has processed its topics, and the watermark has moved.

        The wait is that of `KafkaUtils.wait_until_processed`. Like Spark's
        `processAllAvailable`, it also waits for the batch without data that a watermark
        may require. After it, anything you send behind the watermark is late. If the
        trigger has an interval, that batch belongs to the next trigger, and the wait
        does not include it.
        """
        with waiting("process_all_available"):
            wait_until_processed(self._cluster, [self.query], timeout=self._timeout)
            if self._looks_all_the_time():
                wait_for_watermark(self.query, self._timeout)

    def check_answer(
        self,
        expected: Any,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
        *,
        until_timeout: bool = False,
    ) -> None:
        """Check what the sink holds, once the query has processed its topics.

        A wrong answer is reported as soon as it is final. That is when all queries of
        the session have processed everything in Kafka and are waiting for data, with no
        batch due for a watermark or a timer. The check can't know what another thread
        or process has yet to send: `until_timeout=True` waits for that. After `stop`,
        the answer is checked immediately.

        Args:
            expected: for a topic, a dict of the latest value of each key, or a list of
                all (key, value) pairs, in any order, each as often as it occurs. The
                list may instead contain `Record`s, whose partition, offset, timestamp
                and headers are compared where they are given. For all other sinks, a
                list of all rows, as tuples, dicts or `Row`s, in any order. It may also
                be a matcher such as `contains`, or a function that takes the pairs or
                rows and returns whether they are acceptable. Equality is that of
                `assert_eventually`.
            key_deserializer, value_deserializer: the deserializers for a topic (see
                `KafkaUtils.get_all_records`).
            until_timeout: whether to wait for another answer until the run's timeout,
                even if the queries have nothing to do.

        Raises:
            WaitError: (an AssertionError) it holds something else. The message shows
                the difference.
            TypeError: what is expected can't be an answer.
        """
        deserializers = key_deserializer, value_deserializer
        with waiting("check_answer"):
            self._check(expected, deserializers, None, until_timeout=until_timeout)

    def check_new_answer(
        self,
        expected: Any,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
        *,
        until_timeout: bool = False,
    ) -> None:
        """Check what the sink has received since the last check that passed.

        Before the first such check, it is everything since the run began. The rest is
        as for `check_answer`.

        Raises:
            WaitError: (an AssertionError) it received something else. The message shows
                the difference.
            TypeError: what is expected can't be an answer, or the output mode is
                complete, which writes everything anew.
        """
        self._check_appends()
        deserializers = key_deserializer, value_deserializer
        since = self._checked
        with waiting("check_new_answer"):
            self._check(expected, deserializers, since, until_timeout=until_timeout)

    def check_last_batch(
        self,
        expected: Any,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> None:
        """Check what the sink has received from the last `next_batch` alone.

        What came before it does not count. The rest is as for `check_answer`.

        Raises:
            WaitError: (an AssertionError) it received something else. The message shows
                the difference.
            RuntimeError: no batch was run by `next_batch`, so it is not known what
                comes from the last one.
            TypeError: what is expected can't be an answer.
        """
        if not self._is_stepped:
            raise RuntimeError(
                "The kit knows what a batch wrote only if next_batch() ran it, and it "
                "ran none. Run one, or use check_new_answer()."
            )
        deserializers = key_deserializer, value_deserializer
        before = self._before_batch
        with waiting("check_last_batch"):
            self._check(expected, deserializers, before, until_timeout=False)

    def check_contains(
        self,
        expected: Any,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
        *,
        until_timeout: bool = False,
    ) -> None:
        """Check that the sink holds at least these: `check_answer(contains(...))`."""
        deserializers = key_deserializer, value_deserializer
        wanted = contains(expected)
        with waiting("check_contains"):
            self._check(wanted, deserializers, None, until_timeout=until_timeout)

    def check_nothing_new(self) -> None:
        """Check that the sink has received nothing since the last check that passed.

        The check waits until everything that was sent is processed and the queries of
        the session are at rest, with no batch due for a watermark or a timer.

        Raises:
            WaitError: (an AssertionError) it received something, which the message
                shows. Or the queries were not at rest in time.
        """
        self._check_appends()
        with waiting("check_nothing_new"):
            is_at_rest = self._is_at_rest()
        if not is_at_rest:
            raise WaitError(
                f"The queries of the session were not at rest within {self._timeout:g} "
                "s, so something new may still come.\n"
                f"{QueryState(self.query).describe()}",
                "A source that is not Kafka, or a processing-time timer, never lets a "
                "query rest. check_new_answer([]) looks after two batches.",
                query=self.query,
            )
        self._check([], AS_SHOWN, self._checked, until_timeout=False)

    def _goes_on(self) -> bool:
        """Whether more may come: the query is running, without a test's clock."""
        state = QueryState(self.query)
        return state.is_active and not state.is_clocked

    def _is_dead_as_expected(self) -> bool:
        return bool(self._death_seen_by) and not QueryState(self.query).is_active

    def _why_at_rest(self) -> list[Cause]:
        """Why nothing more comes, if a step of the test has ended the query."""
        if not self._is_dead_as_expected():
            return []
        return [
            Cause(f"The query is dead since {self._death_seen_by}.", "Call start().")
        ]

    def _is_at_rest(self, *, batches: float = math.inf) -> bool:
        """Whether nothing more comes once everything that was sent is processed.

        Args:
            batches: how many further batches to wait for of a query that never rests.
        """
        if not self._goes_on():
            return True
        self.process_all_available()
        finality = Finality(self._cluster, self._session())
        return finality.wait(self._timeout, batches=batches)

    def _answer(
        self, since: End | None, deserializers: tuple[Deserializer, Deserializer]
    ) -> Answer:
        decoder = Decoder(self._topic or "", *deserializers)
        if self._topic is not None:
            return TopicAnswer(self._cluster, self._session(), decoder, since)
        return RowsAnswer(self._given_rows or self._rows(), since)

    def held_rows(self) -> list[Any]:
        """The rows that its sink holds.

        Raises:
            TypeError: it is not known where it writes to, or that is a topic.
        """
        return RowsAnswer(self._given_rows or self._rows()).mark()

    def _mark(self) -> End:
        if self._topic is not None:  # which may be asked before the query exists
            return self._cluster.ends(self._topic)
        return self._answer(None, AS_BYTES).mark()

    def _note_batch(self) -> None:
        """Note what the sink holds before a step.

        Nothing is noted if each batch writes everything anew, or if what the sink holds
        can't be known.
        """
        self._is_stepped, self._before_batch = True, None
        with suppress(TypeError):
            self._check_appends()
            self._before_batch = self._mark()

    def _check(
        self,
        expected: Any,
        deserializers: tuple[Deserializer, Deserializer],
        since: Any,
        *,
        until_timeout: bool,
    ) -> None:
        _arguments.flag("until_timeout", until_timeout)
        spark = self._session()
        answer = self._answer(since, deserializers)
        wanted = answer.wanted(expected)
        self._await_step()
        is_running = self._goes_on()
        finality = Finality(self._cluster, spark)
        if is_running and QueryState(self.query).mode == "micro-batch":
            self.process_all_available()
            if isinstance(wanted, (list, dict)) and not wanted:
                # right from the beginning
                finality.wait(self._timeout, batches=RESTLESS_BATCHES)
        assert_eventually(
            partial(answer.read, wanted),
            wanted,
            self._timeout if is_running else 0,
            INTERVAL_SECONDS,
            query=self.query,
            is_death_expected=bool(self._death_seen_by),
            finality=(lambda: "") if until_timeout else finality.reason,
            explain=partial(self._explain, answer, wanted, deserializers),
        )
        self._checked = answer.end

    @abstractmethod
    def _await_step(self) -> None:
        """Wait for the end of the query's step, if it runs in steps."""

    def _explain(
        self,
        answer: Answer,
        wanted: Any,
        deserializers: tuple[Deserializer, Deserializer],
        last: Any,
    ) -> list[str]:
        """Why the last answer is not the one that is wanted."""
        is_lacking = answer.is_lacking(wanted, last)
        why: list[str] = [*(self._why_at_rest() if is_lacking else [])]
        if is_lacking and not why and answer.since is not None:
            with suppress(Exception):  # the other causes count too
                whole = self._answer(None, deserializers)
                if not whole.is_lacking(wanted, whole.read(wanted)):
                    why = [CAME_EARLIER]
        if not why:
            clock = self._shown_clock()
            why = causes(
                self._cluster, [self.query], is_lacking=is_lacking, clock=clock
            )
        return [*why, *answer.explain(wanted, last)]

    def _shown_clock(self) -> str:
        """What the test's clock shows, if there is one."""
        return ""
