"""Streaming queries for the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pyspark
import pytest

from spark_kafka_testkit import KafkaUtils
from tests.sessions import needs_real_time, settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
STORE = "spark.sql.streaming.stateStore.providerClass"
ROCKS_DB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


@dataclass
class Queries:
    """Starts queries that read and write topics."""

    kafka: KafkaUtils
    spark: SparkSession
    checkpoint: str

    def source(self, topic: str = "", **options: str) -> DataFrame:
        """A stream that reads a topic from its beginning, unless the options differ."""
        reader = self.spark.readStream.format("kafka")
        address = self.kafka.spark_options()
        settings = {"startingOffsets": "earliest", **address, **options}
        if topic:
            settings["subscribe"] = topic
        return reader.options(**settings).load()

    def failing(self, topic: str, **options: str) -> DataFrame:
        """A stream that dies at the first record that it reads."""
        source = self.source(topic, **options)
        return source.selectExpr("raise_error('as the test wants it')")

    def to_memory(self, df: DataFrame, name: str, **trigger: Any) -> StreamingQuery:
        writer = df.writeStream.format("memory").queryName(name)
        return self._start(writer, trigger)

    def to_topic(self, df: DataFrame, topic: str, **trigger: Any) -> StreamingQuery:
        """Start a query that writes key and value to a topic.

        It uses the checkpoint of the test.
        """
        writer = (
            df.select("key", "value")
            .writeStream.format("kafka")
            .options(**self.kafka.spark_options())
            .option("topic", topic)
            .option("checkpointLocation", self.checkpoint)
        )
        if "realTime" in trigger:
            needs_real_time()
            writer = writer.outputMode("update")
        return self._start(writer, trigger)

    def _start(self, writer: Any, trigger: dict[str, Any]) -> StreamingQuery:
        return (writer.trigger(**trigger) if trigger else writer).start()

    def rows(self, name: str) -> int:
        """The number of rows in a memory sink."""
        return self.spark.table(name).count()


class BlockingFunction:
    """A function for foreachBatch that blocks until it is released."""

    def __init__(self) -> None:
        self.begun, self.released = Event(), Event()

    def __call__(self, df: DataFrame, batch: int) -> None:
        self.begun.set()
        self.released.wait()


@pytest.fixture
def queries(
    kafka: KafkaUtils, spark: SparkSession, tmp_path: Path
) -> Iterator[Queries]:
    """Queries of the test, which are stopped before its topics are deleted."""
    yield Queries(kafka, spark, str(tmp_path / "checkpoint"))
    kafka.stop_queries(spark)


@pytest.fixture
def blocking(queries: Queries) -> Iterator[BlockingFunction]:
    """A blocking function, which is always released before queries are stopped."""
    function = BlockingFunction()
    yield function
    function.released.set()


@pytest.fixture
def rocks_db(queries: Queries) -> Iterator[None]:
    """Use the state store that transformWithState needs."""
    if VERSION < (4, 0):
        pytest.skip(f"Spark {pyspark.__version__[:3]} has no transformWithState")
    pytest.importorskip("google.protobuf")  # PySpark needs it for that
    with settings(queries.spark, {STORE: ROCKS_DB}):
        yield
