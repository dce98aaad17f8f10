"""A query under test, from its start to its clean end; the steps of such a test have
the names of Spark's own StreamTest.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict

from spark_kafka_testkit import _clock
from spark_kafka_testkit._times import check_times, sleep
from spark_kafka_testkit.errors import WaitError
from spark_kafka_testkit.streaming._query import describe, mode_of, name_of
from spark_kafka_testkit.streaming._stop import stop, stop_all

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Unpack

    from spark_kafka_testkit.kafka_utils import KafkaUtils
    from spark_kafka_testkit.serde import Deserializer

__all__ = ["StreamRun", "run_stream", "stop_queries"]

log = logging.getLogger("spark_kafka_testkit")

TICK_SECONDS = 0.05

ForeachBatch = Callable[["DataFrame", int], None]


def stop_queries(spark: SparkSession) -> None:
    """Stops all active queries of the session, each whatever becomes of the others; to
    be called before the topics that they read are deleted.

    Raises:
        WaitError: (an AssertionError) some did not stop within 30 s, or failed to; it
            names each with its cause.
    """
    failures = [
        f"  query {name_of(query)}: {error}"
        for query, error in stop_all(spark.streams.active)
    ]
    if failures:
        raise WaitError("Queries did not stop:\n" + "\n".join(failures))


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
        kafka: KafkaUtils,
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
        self._kafka, self._df = kafka, df
        self._topic, self._foreach_batch = topic, foreach_batch
        self._output_mode, self._trigger = output_mode, trigger
        self._sink_options, self._timeout = sink_options or {}, timeout
        self.checkpoint = checkpoint
        self._own_folder: str | None = None
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
        """Starts the query, anew from the checkpoint where there is one, and waits
        until it is alive.

        Raises:
            StreamingQueryException: it died at once.
            WaitError: it was not alive in time.
            UnknownTopicError: the sink topic does not exist.
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
        if self._topic is not None:
            self._kafka.offsets(self._topic)  # else the query dies of it in a minute
        if self.checkpoint is None:
            self.checkpoint = self._own_folder = tempfile.mkdtemp()
        self._failure_expected = False
        self._query = self._writer().start()
        self._kafka.wait_for_query_alive(self._query, self._timeout)

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

    def add_data(self, topic: str, messages: Iterable[Any]) -> None:
        """Sends messages to a source topic: `KafkaUtils.send_messages`."""
        self._kafka.send_messages(topic, messages)

    def process_all_available(self) -> None:
        """Waits until the query has processed what its topics hold:
        `KafkaUtils.wait_until_processed`.
        """
        self._kafka.wait_until_processed(self.query, timeout=self._timeout)

    def check_answer(
        self,
        expected: Any,
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> None:
        """Checks what the sink holds, once the query has processed what its topics
        hold; after `stop`, at once.

        Args:
            expected: for a topic, a dict of the latest value of each key, or a list of
                all (key, value) pairs, in any order, each as often as it is there; for
                the memory sink a list of all rows, as tuples, in any order.
            key_deserializer, value_deserializer: for a topic, see
                `KafkaUtils.get_all_records`.

        Raises:
            WaitError: (an AssertionError) it holds something else; the text shows the
                difference.
        """
        if self._foreach_batch is not None:
            raise TypeError(
                "What a foreachBatch function has written is not known here. Look at "
                "it with process_all_available() and your own assert."
            )
        is_running = self.query.isActive
        if is_running and mode_of(self.query) == "micro-batch":
            self.process_all_available()

        def answer() -> Any:
            if self._topic is None:
                rows = self._df.sparkSession.table(self.table).collect()
                return sorted(map(tuple, rows), key=repr)
            if isinstance(expected, dict):
                return self._kafka.get_all_records(
                    self._df.sparkSession,
                    self._topic,
                    key_deserializer,
                    value_deserializer,
                )
            found = self._kafka.read_records(
                self._topic,
                key_deserializer=key_deserializer,
                value_deserializer=value_deserializer,
            )
            return sorted(((item.key, item.value) for item in found), key=repr)

        wanted = expected
        if not isinstance(expected, dict):
            wanted = sorted(map(tuple, expected), key=repr)
        self._kafka.assert_eventually(
            answer,
            wanted,
            self._timeout if is_running else 0,
            query=self.query,
        )

    def expect_failure(self) -> Exception:
        """Waits until the query dies, and returns what it died of; the run's end does
        not raise it then.

        Raises:
            WaitError: (an AssertionError) it did not die in time, or ended in peace.
        """
        query, deadline = self.query, _clock.monotonic() + self._timeout
        while query.isActive and _clock.monotonic() < deadline:
            sleep(TICK_SECONDS, deadline)
        exception = query.exception()
        if exception is None:
            raise WaitError(
                f"Query {name_of(query)} did not fail within {self._timeout:g} s.\n"
                f"{describe(query)}"
            )
        self._failure_expected = True
        return exception

    def __enter__(self) -> StreamRun:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        problem = self._end()
        if problem is None:
            return
        if error is None:
            raise problem
        if error is not problem:
            log.warning("query %s: %s", name_of(self.query), problem)

    def _end(self) -> Exception | None:
        """Stops the query and removes the checkpoint; gives what the query died of
        unexpectedly, or why it did not stop.
        """
        try:
            if self._query is None:
                return None
            stop(self._query)
            return None if self._failure_expected else self._query.exception()
        except Exception as error:  # noqa: BLE001  the block's own error comes first
            return error
        finally:
            if self._own_folder is not None:
                shutil.rmtree(self._own_folder, ignore_errors=True)

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
            .options(**self._kafka.spark_options())
            .option("topic", self._topic)
        )


def run_stream(
    kafka: KafkaUtils,
    df: DataFrame,
    topic: str | None = None,
    **options: Unpack[StreamOptions],
) -> StreamRun:
    """Runs a streaming DataFrame for the time of a `with` block: starts its query with
    a checkpoint of its own and waits until it is alive; at the end stops it, raises
    what killed it, and removes the checkpoint.

    Args:
        kafka: the cluster.
        df: the streaming DataFrame.
        topic: the sink topic; it must exist. Without it and `foreach_batch`, rows go
            to Spark's memory sink.
        foreach_batch: a function for `foreachBatch` instead.
        output_mode: `"append"`, `"update"` or `"complete"`.
        trigger: arguments for `trigger()`, for example `{"availableNow": True}`.
        sink_options: further options of the sink.
        checkpoint: a checkpoint location to use, and to leave, instead.
        timeout: seconds, for each step that waits.

    Raises:
        TypeError, ValueError: an argument that can't be used.
    """
    if topic is not None and options.get("foreach_batch") is not None:
        raise ValueError("Give a sink topic or a foreach_batch function, not both.")
    if not hasattr(df, "isStreaming"):
        raise TypeError(f"df must be a DataFrame, not {type(df).__name__}")
    if not df.isStreaming:
        raise ValueError("df is a batch DataFrame; begin it with spark.readStream")
    check_times(timeout=options.get("timeout", 0))
    return StreamRun(kafka, df, topic, **options)
