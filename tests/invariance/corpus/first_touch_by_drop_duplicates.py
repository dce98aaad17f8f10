"""Sales, each credited to the first campaign to reach the customer in the last hour.

Wrong: `dropDuplicates` keeps the first pair that the join outputs. That pair is from
the topic whose records were there first, or were read first. Right: an aggregation
takes the first pair by event time. Its watermark says when all pairs of a sale are
there.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from spark_kafka_testkit import Record, at

INPUTS = {
    "ads": [
        Record("ada", "search", timestamp=at("09:01")),
        Record("cem", "banner", timestamp=at("09:04")),
        Record("bob", "banner", timestamp=at("09:12")),
        Record("dee", "search", timestamp=at("09:20")),
    ],
    "mails": [
        Record("bob", "spring", timestamp=at("09:03")),
        Record("ada", "spring", timestamp=at("09:08")),
        Record("dee", "refund", timestamp=at("09:14")),
        Record("eva", "spring", timestamp=at("09:15")),
    ],
    "sales": [
        Record("ada", "s1", timestamp=at("09:10")),
        Record("bob", "s2", timestamp=at("09:18")),
        Record("cem", "s3", timestamp=at("09:21")),
        Record("dee", "s4", timestamp=at("09:25")),
        Record("eva", "s5", timestamp=at("11:00")),
    ],
}
OPTIONS = {"late": timedelta(minutes=10)}


def wrong(ads: DataFrame, mails: DataFrame, sales: DataFrame) -> DataFrame:
    once = pairs(ads, mails, sales).dropDuplicates(["key", "sale"])
    return once.select("key", "sale", "campaign")


def right(ads: DataFrame, mails: DataFrame, sales: DataFrame) -> DataFrame:
    by_sale = pairs(ads, mails, sales).groupBy("key", "sale", "sold")
    first = sf.min_by("campaign", sf.struct("touched", "campaign"))
    return by_sale.agg(first.alias("campaign")).select("key", "sale", "campaign")


def pairs(ads: DataFrame, mails: DataFrame, sales: DataFrame) -> DataFrame:
    ads, mails, sales = (
        events.withWatermark("timestamp", "15 minutes").selectExpr(
            "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS value", "timestamp"
        )
        for events in (ads, mails, sales)
    )
    touches = ads.union(mails).toDF("person", "campaign", "touched")
    return touches.join(
        sales.toDF("key", "sale", "sold"),
        sf.expr("person = key AND touched BETWEEN sold - INTERVAL 1 HOUR AND sold"),
    )
