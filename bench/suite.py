"""The row of the four patterns of Spark's KAFKA_TESTING.md, run as a suite, warm."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench.harness import KIT, AtLeast, Contestant, Row, seconds_of, show_steps
from bench.spark_own import PlainUtils
from bench.world import World

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["PATTERNS", "rows", "run_suite"]

PLAIN = "kafka-python sends, Spark reads, 1 s poll"
TO_THE_LETTER = "kit, Spark gets the address alone"


def rows(world: World) -> dict[str, Callable[[], Row]]:
    return {"suite": lambda: suite(world)}


def suite(world: World) -> Row:
    to_the_letter = ToTheLetter(world.kafka)

    def run(utils: Any) -> float:
        return sum(run_suite(utils, world.spark, world.new_name).values())

    def run_plain() -> float:
        with PlainUtils(world.kafka.broker) as plain:  # see World.by_kafka_python
            return run(plain)

    def profile() -> list[str]:
        lines = []
        with PlainUtils(world.kafka.broker) as plain:
            for who, utils in (
                (KIT, world.kafka),
                (TO_THE_LETTER, to_the_letter),
                (PLAIN, plain),
            ):
                times = run_suite(utils, world.spark, world.new_name)
                lines.append(f"{who}: {show_steps(times)}")
        return lines

    return Row(
        "suite",
        "the document's four patterns as a suite, warm, local[2]",
        [
            Contestant(KIT, lambda: run(world.kafka)),
            Contestant(TO_THE_LETTER, lambda: run(to_the_letter)),
            Contestant(PLAIN, run_plain),
        ],
        [AtLeast(4, (PLAIN,), "the same suite the plain way")],
        profile,
        ["the kit's own gives Spark spark_options(); the others the address alone"],
    )


class ToTheLetter:
    """The kit, when Spark gets only the broker's address, as in KAFKA_TESTING.md."""

    def __init__(self, kafka: Any) -> None:
        self._kafka = kafka

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kafka, name)

    def spark_options(self) -> dict[str, str]:
        return {"kafka.bootstrap.servers": self._kafka.broker}


def run_suite(
    utils: Any, spark: SparkSession, new_name: Callable[[], str]
) -> dict[str, float]:
    """Run the four patterns and return the seconds of each.

    Topics are created within the time, as tests do, and deleted afterwards.
    """
    times = {}
    names = {title: [f"{new_name()}-{n}" for n in (1, 2)] for title in PATTERNS}
    for title, pattern in PATTERNS.items():
        times[title] = seconds_of(
            lambda: pattern(utils, spark, *names[title])  # noqa: B023
        )
    utils.delete_topics([name for pair in names.values() for name in pair])
    return times


def batch(utils: Any, spark: SparkSession, topic: str, _other: str) -> None:
    utils.create_topics([topic])
    frame = spark.createDataFrame([("key1", "value1")], ["key", "value"])
    _write(frame, utils).option("topic", topic).save()
    assert utils.get_all_records(spark, topic) == {"key1": "value1"}


def streaming(utils: Any, spark: SparkSession, source: str, sink: str) -> None:
    utils.create_topics([source, sink])
    utils.send_messages(source, [("k1", "v1")])
    _run_query(utils, spark, _stream(utils, spark, source), sink, {"k1": "v1"})


def aggregation(utils: Any, spark: SparkSession, source: str, sink: str) -> None:
    utils.create_topics([source, sink])
    utils.send_messages(source, [("user1", "1"), ("user2", "1"), ("user1", "1")])
    counts = (
        _stream(utils, spark, source)
        .groupBy("key")
        .count()
        .selectExpr("CAST(key AS BINARY)", "CAST(count AS STRING) AS value")
    )
    _run_query(utils, spark, counts, sink, {"user1": "2", "user2": "1"}, "update")


def several_topics(utils: Any, spark: SparkSession, one: str, two: str) -> None:
    utils.create_topics([one, two])
    frame = spark.createDataFrame(
        [(one, "key1", "value1"), (two, "key2", "value2")], ["topic", "key", "value"]
    )
    _write(frame, utils, "topic").save()
    assert utils.get_all_records(spark, one) == {"key1": "value1"}
    assert utils.get_all_records(spark, two) == {"key2": "value2"}


PATTERNS: dict[str, Callable[[Any, SparkSession, str, str], None]] = {
    "batch": batch,
    "streaming": streaming,
    "aggregation": aggregation,
    "several topics": several_topics,
}


def _write(frame: DataFrame, utils: Any, *columns: str) -> Any:
    return (
        frame.selectExpr(*columns, "CAST(key AS BINARY)", "CAST(value AS BINARY)")
        .write.format("kafka")
        .options(**utils.spark_options())
    )


def _stream(utils: Any, spark: SparkSession, topic: str) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .options(**utils.spark_options())
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .load()
    )


def _run_query(
    utils: Any,
    spark: SparkSession,
    frame: DataFrame,
    sink: str,
    expected: dict[str, str],
    mode: str = "append",
) -> None:
    checkpoint = tempfile.mkdtemp(prefix="bench-checkpoint-")
    query: StreamingQuery = (
        frame.writeStream.format("kafka")
        .options(**utils.spark_options())
        .option("topic", sink)
        .option("checkpointLocation", checkpoint)
        .outputMode(mode)
        .start()
    )
    try:
        utils.wait_for_query_alive(query)
        utils.assert_eventually(lambda: utils.get_all_records(spark, sink), expected)
    finally:
        query.stop()
        shutil.rmtree(checkpoint, ignore_errors=True)
