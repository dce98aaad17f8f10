"""A query under test, from its start to its clean end.

The steps of such a test have the names of Spark's own StreamTest.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._queries.planned import named_topics, planned_sources
from spark_kafka_testkit._queries.sink import check_sink_columns, passes_partition
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop, stop_all
from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit._waits.answer import Answer
from spark_kafka_testkit._waits.causes import causes
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit._waits.queries import (
    wait_for_query_alive,
    wait_until_processed,
)
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit.serde import Deserializer, Serializer

__all__ = ["StreamOptions", "StreamRun", "stop_queries"]

log = logging.getLogger("spark_kafka_testkit")

INTERVAL_SECONDS = 0.25
OUTPUT_MODES = ("append", "update", "complete")

ForeachBatch = Callable[["DataFrame", int], None]


def stop_queries(spark: SparkSession) -> None:
    """See `KafkaUtils.stop_queries`."""
    failures = [
        f"  query {QueryState(query).name}: {error}"
        for query, error in stop_all(spark.streams.active)
    ]
    if failures:
        raise WaitError("Queries did not stop:\n" + "\n".join(failures))


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"


class StreamOptions(TypedDict, total=False):
    """The options of `run_stream`, which see."""

    foreach_batch: ForeachBatch | None
    output_mode: str
    trigger: Mapping[str, Any]
    sink_options: Mapping[str, str]
    checkpoint: str | None
    timeout: float


class StreamRun:
    """A query that `run_stream` started.

    Its steps are called like those of Spark's StreamTest: `add_data`,
    `process_all_available`, `check_answer`, `stop`, `start`, `expect_failure`.
    """

    def __init__(
        self,
        cluster: Cluster,
        df: DataFrame,
        topic: str | None,
        *,
        foreach_batch: ForeachBatch | None = None,
        output_mode: str = "append",
        trigger: Mapping[str, Any] | None = None,
        sink_options: Mapping[str, str] | None = None,
        checkpoint: str | None = None,
        timeout: float = 60,
    ) -> None:
        if topic is not None and foreach_batch is not None:
            raise ValueError("Give a sink topic or a foreach_batch function, not both.")
        if not hasattr(df, "isStreaming"):
            raise TypeError(f"df must be a DataFrame, not {type(df).__name__}")
        if not df.isStreaming:
            raise ValueError("df is a batch DataFrame; begin it with spark.readStream")
        if foreach_batch is not None and not callable(foreach_batch):
            raise TypeError(
                "foreach_batch must be a function that takes a DataFrame and the "
                f"batch's number, not {type(foreach_batch).__name__}"
            )
        if trigger is not None and not isinstance(trigger, Mapping):
            raise TypeError(
                "trigger must be a dict of arguments for Spark's trigger(), not "
                f"{type(trigger).__name__}"
            )
        self._cluster, self._df = cluster, df
        self._sources = planned_sources(df)
        self._topic = None if topic is None else _arguments.topic("topic", topic)
        self._foreach_batch = foreach_batch
        self._output_mode = _arguments.choice("output_mode", output_mode, OUTPUT_MODES)
        self._trigger = trigger
        self._sink_options = _arguments.settings(
            "sink_options", {} if sink_options is None else sink_options
        )
        self._timeout = _arguments.seconds("timeout", timeout)
        if checkpoint is not None:
            _arguments.text("checkpoint", checkpoint)
        self.checkpoint = checkpoint
        self._own_folder: WorkFolder | None = None
        self.table = f"run_stream_{uuid.uuid4().hex}"
        self._query: StreamingQuery | None = None
        self._failure_expected = False

    @property
    def query(self) -> StreamingQuery:
        """The query; a new one after `start`."""
        if self._query is None:
            raise RuntimeError("The stream has not been started; call start().")
        return self._query

    def start(self) -> None:
        """Starts the query, and waits until it is alive.

        It goes on from the checkpoint where there is one.

        Raises:
            StreamingQueryException: it died at once.
            WaitError: it was not alive in time.
            UnknownTopicError: a source topic or the sink topic does not exist.
            ValueError: Kafka's sink can't take the DataFrame's columns.
            RuntimeError: it runs already, or its sink can't go on from a checkpoint.
        """
        if self._query is not None:
            if self._query.isActive:
                raise RuntimeError("The stream runs already; call stop() first.")
            if self._is_memory and self._output_mode != "complete":
                raise RuntimeError(
                    "Spark's memory sink can't go on from a checkpoint, except in "
                    "complete mode. Run the stream into a topic: "
                    "run_stream(df, topic=...)."
                )
        self._check_topics()  # else the query dies of them in a minute
        if self.checkpoint is None:
            self._own_folder = WorkFolder("checkpoint")
            self.checkpoint = str(self._own_folder.path / "checkpoint")
        self._failure_expected = False
        self._query = self._writer().start()
        wait_for_query_alive(self._query, self._timeout)

    def _check_topics(self) -> None:
        cluster, df = self._cluster, self._df
        cluster.require_topics(self._named_topics(), "The stream reads")
        if self._topic is None:
            return
        cluster.require_topics([self._topic], "The stream writes to")
        check_sink_columns(df)
        if not passes_partition(df):
            return
        partitions = len(cluster.offsets(self._topic))
        for name in self._named_topics():
            most = len(cluster.offsets(name))
            if most > partitions:
                raise ValueError(
                    "The DataFrame has the source's column 'partition', which Kafka's "
                    f"sink obeys: {name!r} has {_partitions(most)}, and "
                    f"{self._topic!r} has {partitions}. Select key and value alone."
                )

    def _named_topics(self) -> list[str]:
        """The topics that it reads by name."""
        return named_topics(self._sources, self._cluster.broker.bootstrap_servers)

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
            ValueError: the stream does not read the topic.
        """
        _arguments.topic("topic", topic)
        named = self._named_topics()
        is_named = [bool(named_topics([one], one.servers)) for one in self._sources]
        if named and topic not in named and all(is_named):
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
        wait_until_processed(self._cluster, self.query, timeout=self._timeout)

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
        if self._foreach_batch is not None:
            raise TypeError(
                "What a foreachBatch function has written is not known here. Look at "
                "it with process_all_available() and your own assert."
            )
        _arguments.flag("until_timeout", until_timeout)
        decoder = Decoder(self._topic or "", key_deserializer, value_deserializer)
        answer = Answer(self._cluster, self._df.sparkSession, self._topic, decoder)
        wanted = answer.wanted(expected)
        is_running = self.query.isActive
        if is_running and QueryState(self.query).mode == "micro-batch":
            self.process_all_available()
        finality = Finality(self._cluster, self._df.sparkSession)
        assert_eventually(
            partial(answer.read, wanted, self.table),
            wanted,
            self._timeout if is_running else 0,
            INTERVAL_SECONDS,
            query=self.query,
            finality=(lambda: "") if until_timeout else finality.reason,
            explain=lambda last: [
                *causes(self._cluster, [self.query]),
                *answer.explain(wanted, last),
            ],
        )

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

    def __enter__(self) -> StreamRun:
        self._cluster.begin(self._stop_running)
        try:
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
            if self._own_folder is not None:
                self._own_folder.remove()

    def _stop_running(self) -> None:
        if self._query is not None:
            stop(self._query)

    @property
    def _is_memory(self) -> bool:
        return self._topic is None and self._foreach_batch is None

    def _writer(self) -> Any:
        writer: Any = (
            self._df.writeStream.outputMode(self._output_mode)
            .option("checkpointLocation", self.checkpoint)
            .options(**self._sink_options)
        )
        if self._trigger:
            writer = writer.trigger(**self._trigger)
        if self._foreach_batch is not None:
            return writer.foreachBatch(self._foreach_batch)
        if self._topic is None:
            return writer.format("memory").queryName(self.table)
        return (
            writer.format("kafka")
            .options(**self._cluster.spark_options())
            .option("topic", self._topic)
        )
