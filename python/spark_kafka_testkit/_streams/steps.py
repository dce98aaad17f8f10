"""A query under test, to its clean end.

The steps of such a test have the names of Spark's own StreamTest.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._queries.batch import watermark_of
from spark_kafka_testkit._queries.planned import named_topics
from spark_kafka_testkit._queries.position import Source
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop
from spark_kafka_testkit._queries.store import read_state
from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit._waits.answer import Answer, End
from spark_kafka_testkit._waits.causes import causes
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit._waits.queries import wait_until_processed
from spark_kafka_testkit.errors import UnknownTopicError, WaitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Self

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit.serde import Deserializer, Serializer

__all__ = ["StreamSteps"]

log = logging.getLogger("spark_kafka_testkit")

INTERVAL_SECONDS = 0.25


class StreamSteps(ABC):
    """What a test does with a query, whoever has begun it.

    Its steps are called like those of Spark's StreamTest: `add_data`,
    `process_all_available`, `check_answer`, `check_new_answer`, `check_nothing_new`,
    `stop`, `start`, `expect_failure`.

    Args:
        cluster: where its topics are.
        topic: its sink topic, or None.
        timeout: seconds, for each step that waits.
    """

    def __init__(self, cluster: Cluster, topic: str | None, timeout: float) -> None:
        self._cluster = cluster
        self._topic = None if topic is None else _arguments.topic("topic", topic)
        self._timeout = _arguments.seconds("timeout", timeout)
        self._query: StreamingQuery | None = None
        self._failure_expected = False
        self._checked: End | None = None

    @property
    def query(self) -> StreamingQuery:
        """The query; a new one after `start`."""
        if self._query is None:
            raise RuntimeError("The stream has not been started; call start().")
        return self._query

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

    @abstractmethod
    def _session(self) -> SparkSession:
        """The session that it runs in."""

    @abstractmethod
    def _table(self) -> str:
        """The table of its memory sink.

        Raises:
            TypeError: it has none.
        """

    @abstractmethod
    def _checkpoint(self) -> str:
        """Its checkpoint location."""

    @abstractmethod
    def _check_appends(self) -> None:
        """Raises where what is new can't be told from what was there.

        Raises:
            TypeError: all is written anew with each batch.
        """

    @abstractmethod
    def _clean_up(self) -> None:
        """Removes what was made for it."""

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

    def process_all_available(self) -> None:
        """Waits until the query has processed what its topics hold.

        See `KafkaUtils.wait_until_processed`.
        """
        wait_until_processed(self._cluster, [self.query], timeout=self._timeout)

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
                all (key, value) pairs, in any order, each as often as it is there; for
                the memory sink a list of all rows, as tuples, dicts or `Row`s, in any
                order. Or a matcher such as `contains`; or a function that takes the
                pairs or rows, and says whether they will do. What is equal to what is
                as for `assert_eventually`.
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
        self._check(expected, deserializers, since, until_timeout=until_timeout)

    def check_nothing_new(self) -> None:
        """Checks that the sink has got nothing since the last check that passed, once
        all that was sent is processed and the queries of the session are at rest: no
        batch is due for a watermark or a timer.

        Raises:
            WaitError: (an AssertionError) it got something, which the text shows; or
                the queries were not at rest in time.
        """
        self._check_appends()
        if self.query.isActive:
            self.process_all_available()
            if not Finality(self._cluster, self._session()).wait(self._timeout):
                raise WaitError(
                    "The queries of the session were not at rest within "
                    f"{self._timeout:g} s: whether something new comes is not known.\n"
                    f"{QueryState(self.query).describe()}\n"
                    "A source that is not Kafka, or a timer of processing time, never "
                    "lets a query rest: check_new_answer([]) looks after two batches.",
                    query=self.query,
                )
        self._check([], ("BINARY", "BINARY"), self._checked, until_timeout=False)

    def _check(
        self,
        expected: Any,
        deserializers: tuple[Deserializer, Deserializer],
        since: Any,
        *,
        until_timeout: bool,
    ) -> None:
        table = "" if self._topic is not None else self._table()
        _arguments.flag("until_timeout", until_timeout)
        decoder = Decoder(self._topic or "", *deserializers)
        spark = self._session()
        answer = Answer(self._cluster, spark, self._topic, decoder, since)
        wanted = answer.wanted(expected)
        is_running = self.query.isActive
        finality = Finality(self._cluster, spark)
        if is_running and QueryState(self.query).mode == "micro-batch":
            self.process_all_available()
            if isinstance(wanted, (list, dict)) and not wanted:
                finality.wait(self._timeout, batches=2)  # right from the beginning
        assert_eventually(
            partial(answer.read, wanted, table),
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

    def state(
        self,
        operator: str | int | None = None,
        *,
        side: str | None = None,
        variable: str | None = None,
    ) -> list[dict[str, Any]]:
        """The rows that a stateful operator of the query holds, as of the last batch
        that was committed: while the query runs, or after.

        Example:
            assert run.state() == [{"window": ANY, "key": "a", "count": 2}]

        Args:
            operator: its number or its name, as Spark has it (`stateStoreSave`,
                `dedupe`, `symmetricHashJoin`, ...); not needed where there is but one.
            side: `"left"` or `"right"`, of a join of two streams.
            variable: of transformWithState: the name that its processor gives it.

        Returns:
            A dict for each row, in no order, with the parts of its key and its value by
            their names.

        Raises:
            SparkSetupError: (a RuntimeError) Spark is older than 4.0.
            ValueError: there is no such operator, or more than one.
            TypeError: the operator is a join, and the side is missing.
        """
        where = self._checkpoint()
        return read_state(self._session(), where, operator, side, variable)

    def timers(self, operator: str | int | None = None) -> list[dict[str, Any]]:
        """The timers that a processor of transformWithState has registered: the parts
        of the key, and `expiration_timestamp_ms`. The rest is as for `state`.
        """
        where = self._checkpoint()
        return read_state(
            self._session(), where, operator, side=None, variable=None, timers=True
        )

    @property
    def watermark(self) -> datetime | None:
        """The query's watermark as of its last batch, UTC; None where it has none."""
        progress = QueryState(self.query).progress
        return None if progress is None else watermark_of(progress)

    def expect_failure(self) -> Exception:
        """Waits until the query dies, and returns what it died of.

        The run's end does not raise it then.

        Raises:
            WaitError: (an AssertionError) it did not die in time, or ended in peace.
        """
        state, pauses = QueryState(self.query), Pauses(self._timeout)
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
        """What the sink topic holds already is not new."""
        if self._topic is None or self._checked is not None:
            return
        with suppress(UnknownTopicError):  # it is told when the query starts
            offsets = self._cluster.offsets(self._topic)
            self._checked = {number: at.end for number, at in offsets.items()}

    def _stop_running(self) -> None:
        if self._query is not None:
            stop(self._query)
