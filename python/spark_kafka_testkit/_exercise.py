"""A short version of what tests run, to get Spark's JVM ready for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit.kafka_utils import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["exercise"]

log = logging.getLogger("spark_kafka_testkit")


def exercise(spark: SparkSession, kafka: KafkaUtils | None, folder: Path) -> None:
    """Run a batch query, a Python function, and streams from Kafka to Kafka.

    The parts are independent: if a version of Spark can't run one, the others still
    run.

    Args:
        spark: the session.
        kafka: a `KafkaUtils` that is not set up yet. Without it, no streams are run.
        folder: an empty folder for files.
    """
    parts: list[Callable[[], None]] = [
        lambda: _run_batch(spark, folder / "rows"),
        lambda: _run_function(spark),
    ]
    if kafka is not None:
        parts.append(lambda: _run_streams(spark, kafka, folder / "checkpoint"))
    for part in parts:
        try:
            part()
        except Exception as error:  # noqa: BLE001  then the JVM is just less prepared
            log.debug("%s: %s", type(error).__name__, error)


def _run_batch(spark: SparkSession, place: Path) -> None:
    from pyspark.sql import functions

    rows = spark.createDataFrame([(1, "a"), (2, "b")], "id long, name string")
    rows.createOrReplaceTempView("rows")
    joined = spark.sql("SELECT name, count(*) AS n FROM rows GROUP BY name").join(
        rows, "name"
    )
    joined.orderBy(functions.col("id").desc()).collect()
    rows.write.json(str(place))
    spark.read.schema("id long, name string").json(str(place)).collect()


def _run_function(spark: SparkSession) -> None:
    from pyspark.sql import functions

    twice = functions.udf(lambda number: 2 * number, "long")
    spark.range(3).select(twice("id")).collect()


def _run_streams(spark: SparkSession, kafka: KafkaUtils, checkpoint: Path) -> None:
    from pyspark.sql import functions

    with kafka:
        source, sink, totals = map(kafka.topic, ("source", "sink", "counts"))
        kafka.create_topics([source, sink, totals])
        kafka.send_messages(source, [("a", '{"n": 1}'), ("b", '{"n": 2}')])
        events = (
            spark.readStream.format("kafka")
            .options(**kafka.spark_options())
            .option("subscribe", source)
            .option("startingOffsets", "earliest")
            .load()
        )
        value = functions.from_json(functions.col("value").cast("string"), "n long")
        parsed = events.select("key", functions.to_json(value).alias("value"))
        counts = events.groupBy("key").agg(
            functions.count("*").cast("string").alias("value")
        )
        batches: list[Any] = []
        with (
            kafka.run_stream(parsed, sink),
            kafka.run_stream(counts, totals, output_mode="update"),
        ):
            kafka.send_messages(source, [("a", '{"n": 3}')])
        query = (
            events.writeStream.foreachBatch(
                lambda batch, _: batches.extend(batch.collect())
            )
            .option("checkpointLocation", str(checkpoint))
            .start()
        )
        kafka.wait_until_processed(query)
        query.stop()
        kafka.get_all_records(spark, sink)
        kafka.assert_eventually(lambda: len(batches), 3)
