"""Events go on to the topic of their region, exactly as they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it
from pyspark.sql.streaming.query import StreamingQuery


# --8<-- [start:job]
def by_region(events: DataFrame, regions: Sequence[str]) -> DataFrame:
    """Each event with the topic that it goes to; for a Kafka sink.

    Args:
        events: Kafka's columns and the headers, with the region in the JSON of `value`.
        regions: those that have a topic. Everything else is parked.
    """
    region = F.get_json_object(F.col("value").cast("string"), "$.region")
    known = F.when(region.isin(*regions), F.concat(F.lit("events-"), region))
    topic = F.coalesce(known, F.lit("events-parked"))
    return events.select(topic.alias("topic"), "key", "value", "headers")


# --8<-- [end:job]
def start(
    spark: SparkSession,
    kafka: Mapping[str, str],
    checkpoint: str,
    regions: Sequence[str],
) -> StreamingQuery:
    """The job: from `events` to one topic per region."""
    events = (
        spark.readStream.format("kafka")
        .options(**kafka)
        .option("subscribe", "events")
        .option("startingOffsets", "earliest")
        .option("includeHeaders", "true")
        .load()
    )
    return (
        by_region(events, regions)
        .writeStream.format("kafka")
        .options(**kafka)
        .option("checkpointLocation", checkpoint)
        .start()
    )
