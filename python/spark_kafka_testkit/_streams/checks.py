"""What a test says of the answer of a query, and when it is right to say it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._queries.state import QueryState
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

__all__ = ["StreamChecks"]

INTERVAL_SECONDS = 0.25
AS_BYTES: tuple[Deserializer, Deserializer] = ("BINARY", "BINARY")


class StreamChecks(ABC):
    """The checks of a query's answer; see `StreamSteps`."""

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
                "answer must be a function that gives the rows of the sink, not "
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

    @property
    def query(self) -> StreamingQuery:
        """The query; a new one after `start`."""
        if self._query is None:
            raise RuntimeError("The stream has not been started; call start().")
        return self._query

    @abstractmethod
    def _session(self) -> SparkSession:
        """The session that it runs in."""

    @abstractmethod
    def _rows(self) -> Callable[[], Any]:
        """What reads the rows of its sink, where that is no topic and no function for
        it was given.

        Raises:
            TypeError: where it writes to is not known.
        """

    @abstractmethod
    def _looks_all_the_time(self) -> bool:
        """Whether its trigger has no interval, and is none that ends by itself."""

    @abstractmethod
    def _check_appends(self) -> None:
        """Raises where what is new can't be told from what was there.

        Raises:
            TypeError: all is written anew with each batch.
        """

    def process_all_available(self) -> None:
        """Waits until the query has processed what its topics hold, and the watermark
        has moved.

        As `KafkaUtils.wait_until_processed`, and as Spark's `processAllAvailable` it
        waits for the batch without data which a watermark calls for: then what is sent
        next and is behind the watermark is late. Where the trigger has an interval,
        that batch is the next trigger's, and is not waited for.
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
        """Checks what the sink holds, when the query has processed its topics.

        A wrong answer is told as soon as it is final: all queries of the session have
        processed all that is in Kafka and wait for data, with no batch due for a
        watermark or a timer. What another thread or process is still to send can't be
        known: `until_timeout=True` waits for that. After `stop` the answer is checked
        at once.

        Args:
            expected: for a topic, a dict of the latest value of each key, or a list of
                all (key, value) pairs, in any order, each as often as it is there, or
                of `Record`s, which say more: their partition, offset, timestamp and
                headers are compared where they are given; for all other sinks a list of
                all rows, as tuples, dicts or `Row`s, in any order. Or a matcher such as
                `contains`; or a function that takes the pairs or rows, and says whether
                they will do. What is equal to what is as for `assert_eventually`.
            key_deserializer, value_deserializer: for a topic, see
                `KafkaUtils.get_all_records`.
            until_timeout: whether to wait for another answer until the run's time-out
                is over, though the queries have nothing to do.

        Raises:
            WaitError: (an AssertionError) it holds something else; the text shows the
                difference.
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
        """Checks what the sink has got since the last check that passed, or since the
        run began. The rest is as for `check_answer`.

        Raises:
            WaitError: (an AssertionError) it got something else; the text shows the
                difference.
            TypeError: what is expected can't be an answer; or the output mode is
                complete, where all is written anew.
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
        """Checks what the sink has got from the last `next_batch`, and nothing before.
        The rest is as for `check_answer`.

        Raises:
            WaitError: (an AssertionError) it got something else; the text shows the
                difference.
            RuntimeError: no batch was run by `next_batch`: which of what the sink holds
                comes from the last one is not known.
            TypeError: what is expected can't be an answer.
        """
        if not self._is_stepped:
            raise RuntimeError(
                "Which batch wrote what is known of those that next_batch() ran, and "
                "it ran none. Run one, or use check_new_answer()."
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
        """Checks that the sink holds at least these: `check_answer(contains(...))`."""
        deserializers = key_deserializer, value_deserializer
        self._check(
            contains(expected), deserializers, None, until_timeout=until_timeout
        )

    def check_nothing_new(self) -> None:
        """Checks that the sink has got nothing since the last check that passed, once
        all that was sent is processed and the queries of the session are at rest: no
        batch is due for a watermark or a timer.

        Raises:
            WaitError: (an AssertionError) it got something, which the text shows; or
                the queries were not at rest in time.
        """
        self._check_appends()
        with waiting("check_nothing_new"):
            is_at_rest = self._is_at_rest()
        if not is_at_rest:
            raise WaitError(
                "The queries of the session were not at rest within "
                f"{self._timeout:g} s: whether something new comes is not known.\n"
                f"{QueryState(self.query).describe()}\n"
                "A source that is not Kafka, or a timer of processing time, never "
                "lets a query rest: check_new_answer([]) looks after two batches.",
                query=self.query,
            )
        self._check([], AS_BYTES, self._checked, until_timeout=False)

    def _goes_on(self) -> bool:
        """Whether more may come by itself: the query runs, and by no test's clock."""
        state = QueryState(self.query)
        return state.is_active and not state.is_clocked

    def _is_at_rest(self) -> bool:
        """Whether nothing more comes, once all that was sent is processed."""
        if not self._goes_on():
            return True
        self.process_all_available()
        return Finality(self._cluster, self._session()).wait(self._timeout)

    def _answer(
        self, since: End | None, deserializers: tuple[Deserializer, Deserializer]
    ) -> Answer:
        decoder = Decoder(self._topic or "", *deserializers)
        if self._topic is not None:
            return TopicAnswer(self._cluster, self._session(), decoder, since)
        return RowsAnswer(self._given_rows or self._rows(), since)

    def held_rows(self) -> list[Any]:
        """What its sink holds, where that is rows.

        Raises:
            TypeError: where it writes to is not known, or is a topic.
        """
        return RowsAnswer(self._given_rows or self._rows()).mark()

    def _mark(self) -> End:
        return self._answer(None, AS_BYTES).mark()

    def _note_batch(self) -> None:
        """Notes what the sink holds before a step; nothing where all is written anew,
        or what it holds can't be known.
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
        is_running = self._goes_on()
        finality = Finality(self._cluster, spark)
        if is_running and QueryState(self.query).mode == "micro-batch":
            self.process_all_available()
            if isinstance(wanted, (list, dict)) and not wanted:
                finality.wait(self._timeout, batches=2)  # right from the beginning
        assert_eventually(
            partial(answer.read, wanted),
            wanted,
            self._timeout if is_running else 0,
            INTERVAL_SECONDS,
            query=self.query,
            finality=(lambda: "") if until_timeout else finality.reason,
            explain=lambda last: [
                *causes(
                    self._cluster,
                    [self.query],
                    is_lacking=answer.is_lacking(wanted, last),
                ),
                *answer.explain(wanted, last),
            ],
        )
        self._checked = answer.end
