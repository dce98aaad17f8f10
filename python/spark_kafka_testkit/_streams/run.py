"""A streaming DataFrame that is run for a test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._model.offsets import Bound
from spark_kafka_testkit._queries.batch import Batch
from spark_kafka_testkit._queries.planned import (
    named_topics,
    planned_sources,
    source_of_partition,
)
from spark_kafka_testkit._queries.sink import check_sink_columns
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._queries.stop import stop_all
from spark_kafka_testkit._streams.clock import ClockedSteps, RunClock
from spark_kafka_testkit._streams.crash import Point
from spark_kafka_testkit._streams.crash_points import failing_in_the_middle
from spark_kafka_testkit._streams.crashes import CrashSteps
from spark_kafka_testkit._streams.exactly_once import ExactlyOnce, first_offsets
from spark_kafka_testkit._streams.state import PROGRESS_KEPT
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.queries import wait_for_query_alive
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit._queries.position import Source

__all__ = ["StreamOptions", "StreamRun", "stop_queries"]

OUTPUT_MODES = ("append", "update", "complete")
KEPT = 10_000
FILES = ("parquet", "json", "orc", "csv", "text")
"""The sinks whose rows Spark reads back, given the schema."""

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
    """The options of `KafkaUtils.run_stream`."""

    foreach_batch: ForeachBatch | None
    sink: str | None
    answer: Callable[[], Any] | None
    output_mode: str
    trigger: Mapping[str, Any]
    sink_options: Mapping[str, str]
    checkpoint: str | None
    clock: str | datetime | None
    timeout: float


class StreamRun(ClockedSteps, CrashSteps, ExactlyOnce):
    """A query that `run_stream` started. Its steps are those of `StreamSteps`."""

    def __init__(
        self,
        cluster: Cluster,
        df: DataFrame,
        topic: str | None,
        *,
        foreach_batch: ForeachBatch | None = None,
        sink: str | None = None,
        answer: Callable[[], Any] | None = None,
        output_mode: str = "append",
        trigger: Mapping[str, Any] | None = None,
        sink_options: Mapping[str, str] | None = None,
        checkpoint: str | None = None,
        clock: str | datetime | None = None,
        timeout: float = 60,
    ) -> None:
        if sum(one is not None for one in (topic, foreach_batch, sink)) > 1:
            raise ValueError(
                "Give only one of: a sink topic, a foreach_batch function, sink."
            )
        if sink is not None and _arguments.text("sink", sink) in ("kafka", "memory"):
            raise ValueError(
                "For Kafka, give the sink topic: run_stream(df, topic). For Spark's "
                "memory sink, give neither."
            )
        if not hasattr(df, "isStreaming"):
            raise TypeError(f"df must be a DataFrame, not {type(df).__name__}")
        if not df.isStreaming:
            raise ValueError("df is a batch DataFrame. Begin it with spark.readStream")
        if foreach_batch is not None and not callable(foreach_batch):
            raise TypeError(
                "foreach_batch must be a function that takes a DataFrame and the "
                f"batch's number, not {type(foreach_batch).__name__}"
            )
        if trigger is not None and not isinstance(trigger, Mapping):
            raise TypeError(
                "trigger must be a dict of arguments for Spark's trigger(), such as "
                f"{{'availableNow': True}}, not {type(trigger).__name__}"
            )
        super().__init__(cluster, topic, answer, timeout)
        self._df = df
        self._planned = planned_sources(df)
        self._foreach_batch, self._sink = foreach_batch, sink
        self._output_mode = _arguments.choice("output_mode", output_mode, OUTPUT_MODES)
        self._trigger = trigger
        if clock is not None:
            self._clock = RunClock(df.sparkSession, clock, trigger)
        self._sink_options = _arguments.settings(
            "sink_options", {} if sink_options is None else sink_options
        )
        if checkpoint is not None:
            _arguments.text("checkpoint", checkpoint)
        self.checkpoint = checkpoint
        self.path: str | None = self._sink_options.get("path")
        self._own_folders: list[WorkFolder] = []
        self._is_failing = False
        self.table = f"run_stream_{uuid.uuid4().hex}"

    def start(self) -> None:
        """Start the query, and wait until it is alive.

        If there is a checkpoint, it continues from there. With the trigger
        `availableNow`, a run that has not ended yet is waited for.

        Raises:
            StreamingQueryException: it died immediately.
            WaitError: it was not alive in time.
            UnknownTopicError: a source topic or the sink topic does not exist.
            ValueError: Kafka's sink can't write the DataFrame's columns.
            RuntimeError: it is already running, or its sink can't continue from a
                checkpoint.
        """
        if self._query is not None:
            self._await_former()
            if self._is_memory and self._output_mode != "complete":
                raise RuntimeError(
                    "Spark's memory sink can't continue from a checkpoint, except in "
                    "complete mode. Run the stream into a topic: run_stream(df, "
                    "topic=...)."
                )
        self._check_topics()  # otherwise the query dies of them after a minute
        if self.checkpoint is None:
            self.checkpoint = self._new_folder("checkpoint")
        if self._sink is not None and self.path is None:
            self.path = self._new_folder("output")
        self._death_seen_by = ""
        with waiting("start"):
            with self._keeping_progress(), self._clock_in(self.checkpoint):
                self._begin_query(self._writer().start())
            if self._clock is not None:
                self._go_on(self._clock.time)
            wait_for_query_alive(self.query, self._timeout)

    @contextmanager
    def _keeping_progress(self) -> Iterator[None]:
        """Make Spark keep the progress of every batch of a query started in the block.

        The checks of the whole run need it.
        """
        conf = self._session().conf
        before = conf.get(PROGRESS_KEPT)
        self._progress_kept = max(KEPT, int(before or 0))
        conf.set(PROGRESS_KEPT, str(self._progress_kept))
        try:
            yield
        finally:
            conf.set(PROGRESS_KEPT, str(before))

    def next_batch(self) -> Batch:
        """Run exactly one batch, of everything sent since the last one, and return it.

        The stream must have the trigger `{"availableNow": True}` or a clock. With the
        trigger, the query runs at each step, starting from its checkpoint, with a batch
        without data afterwards if a watermark has moved. With a clock, the clock
        advances to the next trigger, and a batch without data then belongs to its own
        trigger.

        Example:
            with kafka.run_stream(df, "out", trigger={"availableNow": True}) as run:
                run.add_data("in", [("a", 1)])
                assert run.next_batch().rows_in == 1

        Raises:
            StreamingQueryException: it died.
            WaitError: (an AssertionError) there was nothing to run, or there were
                several batches because the source limits them, or the batch had not
                ended in time.
            TypeError: the stream has another trigger, and no clock.
        """
        if self._clock is not None:
            self._note_batch()
            with waiting("next_batch"):
                return self._next_clocked_batch()
        if not (self._trigger or {}).get("availableNow"):
            raise TypeError(
                "next_batch() is for a stream that runs in steps: "
                'run_stream(..., trigger={"availableNow": True}), or with a clock.'
            )
        with waiting("next_batch"):
            self._await_end()
            self._note_batch()
            self.start()
            self._await_end()
        history = list(self.query.recentProgress)
        filled = [one for one in history if Batch.of(one, one).has_data]
        if not filled:
            raise WaitError(
                "No batch was run: nothing was sent since the last one. Call "
                "add_data() first.",
                query=self.query,
            )
        if len(filled) > 1:
            raise WaitError(
                f"{len(filled)} batches ran instead of one, because the source limits "
                "their size. Leave out maxOffsetsPerTrigger.",
                query=self.query,
            )
        return Batch.of(filled[0], history[-1])

    def batches(self, topic: str, *parts: Iterable[Any]) -> list[Batch]:
        """Send each part as a separate batch: `add_data`, then `next_batch`."""
        run = []
        for part in parts:
            self.add_data(topic, part)
            run.append(self.next_batch())
        return run

    def _check_topics(self) -> None:
        cluster, df = self._cluster, self._df
        cluster.require_topics(self._named_topics(), "The stream reads")
        if self._topic is None:
            return
        cluster.require_topics([self._topic], "The stream writes to")
        check_sink_columns(df)
        source = source_of_partition(df)
        if source is None:
            return
        partitions = len(cluster.offsets(self._topic))
        for name in named_topics([source], cluster.broker.bootstrap_servers):
            most = len(cluster.offsets(name))
            if most > partitions:
                raise ValueError(
                    "The DataFrame has the source's column 'partition', which Kafka's "
                    f"sink obeys: {name!r} has {_partitions(most)}, but "
                    f"{self._topic!r} has {partitions}. Select only key and value."
                )

    def _named_topics(self) -> list[str]:
        """The topics that it reads by name."""
        return named_topics(self._planned, self._cluster.broker.bootstrap_servers)

    def _sources(self) -> list[Source]:
        return self._planned

    def _first_offsets(self) -> dict[str, Bound]:
        servers = self._cluster.broker.bootstrap_servers
        return first_offsets(self._planned, servers, self.checkpoint)

    def _session(self) -> SparkSession:
        return self._df.sparkSession

    def _rows(self) -> Callable[[], Any]:
        if self._sink in FILES:
            return self._files
        if self._is_memory:
            return partial(self._df.sparkSession.table, self.table)
        what = "a foreachBatch function" if self._sink is None else repr(self._sink)
        raise TypeError(
            f"The kit does not know what {what} wrote. Give run_stream() answer=, a "
            "function that returns the rows, such as answer=lambda: spark.table('t')."
        )

    def _files(self) -> Any:
        """The rows that the file sink has written in committed batches.

        Spark looks into the sink's log for that.
        """
        from pyspark.errors import AnalysisException

        reader = self._df.sparkSession.read.format(str(self._sink))
        options = {**self._sink_options, "path": str(self.path)}
        try:
            return reader.schema(self._df.schema).options(**options).load().collect()
        except AnalysisException as error:
            if "PATH_NOT_FOUND" in str(error):
                return []  # before the first batch
            raise

    def _checkpoint(self) -> str:
        if self.checkpoint is None:
            raise RuntimeError("The stream has not been started. Call start().")
        return self.checkpoint

    def _looks_all_the_time(self) -> bool:
        return not self._trigger

    def _check_appends(self) -> None:
        if self._is_memory and self._output_mode == "complete":
            raise TypeError(
                "In complete mode each batch writes all rows again, so none is new. "
                "Use check_answer()."
            )

    def _new_folder(self, name: str) -> str:
        folder = WorkFolder(name)
        self._own_folders.append(folder)
        return str(folder.path / name)

    def _has_memory_sink(self) -> bool:
        return self._is_memory

    def _check_point(self, point: Point) -> None:
        if point == "driver":
            raise TypeError(
                "The DataFrame belongs to the test's own Spark. Give a function that "
                "starts the job, follow(lambda spark: ...), whose crash('driver') runs "
                "it in its own process."
            )

    def _job(self) -> Callable[[Any], Any]:
        raise NotImplementedError  # `_check_point` has refused it

    def _set_failing(self, is_failing: bool) -> None:
        self._is_failing = is_failing

    def _clean_up(self) -> None:
        for folder in self._own_folders:
            folder.remove()

    @property
    def _is_memory(self) -> bool:
        return not (self._topic or self._foreach_batch or self._sink)

    def _writer(self) -> Any:
        df = failing_in_the_middle(self._df) if self._is_failing else self._df
        writer: Any = (
            df.writeStream.outputMode(self._output_mode)
            .option("checkpointLocation", self.checkpoint)
            .options(**self._sink_options)
        )
        if self._trigger:
            writer = writer.trigger(**self._trigger)
        if self._foreach_batch is not None:
            return writer.foreachBatch(self._foreach_batch)
        if self._sink is not None:
            return writer.format(self._sink).option("path", self.path)
        if self._topic is None:
            return writer.format("memory").queryName(self.table)
        return (
            writer.format("kafka")
            .options(**self._cluster.spark_options())
            .option("topic", self._topic)
        )
