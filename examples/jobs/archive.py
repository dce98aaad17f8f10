"""An archive of events: Parquet files by the hour of the event. A cron job runs it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery


# --8<-- [start:job]
def archived(events: DataFrame) -> DataFrame:
    """The rows of the files, with the day and the hour of each event."""
    return events.select(
        F.col("key").cast("string").alias("key"),
        F.col("value").cast("string").alias("value"),
        F.date_format("timestamp", "yyyy-MM-dd").alias("day"),
        F.date_format("timestamp", "HH").alias("hour"),
    )


def start(
    spark: SparkSession, kafka: Mapping[str, str], checkpoint: str, folder: str
) -> StreamingQuery:
    """Writes all that has come since the last run, and ends."""
    events = (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", "events")
        .option("startingOffsets", "earliest")
        .load()
    )
    return (
        archived(events)
        .writeStream.format("parquet")
        .partitionBy("day", "hour")
        .option("path", folder)
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .start()
    )


# --8<-- [end:job]
def main(arguments: Sequence[str] | None = None) -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--folder", required=True)
    given = parser.parse_args(arguments)
    kafka = {"kafka.bootstrap.servers": given.broker}
    spark = SparkSession.builder.appName("archive").getOrCreate()
    start(spark, kafka, given.checkpoint, given.folder).awaitTermination()


if __name__ == "__main__":
    main()
