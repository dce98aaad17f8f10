"""The path of each visit through a shop: its pages in one line.

Wrong: `collect_list` returns the pages of one batch by time, because Spark sorts the
rows that it makes sessions of. But the pages of a later batch come before or after them
as a whole. So a late page view is in another position if a batch ends before it. Right:
the pages are collected with their times, and sorted by them.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from spark_kafka_testkit import Record, at

INPUTS = {
    "views": [
        Record("ada", "home", timestamp=at("09:00")),
        Record("bob", "mail", timestamp=at("09:01")),
        Record("ada", "basket", timestamp=at("09:06")),
        Record("ada", "tea", timestamp=at("09:03")),
        Record("bob", "rum", timestamp=at("09:08")),
        Record("cem", "home", timestamp=at("09:12")),
        Record("bob", "offers", timestamp=at("09:05")),
        Record("ada", "paid", timestamp=at("09:14")),
        Record("bob", "home", timestamp=at("10:10")),
        Record("cem", "help", timestamp=at("10:15")),
    ]
}
OPTIONS = {"late": timedelta(minutes=10)}


def wrong(views: DataFrame) -> DataFrame:
    return paths(views, sf.collect_list("page"))


def right(views: DataFrame) -> DataFrame:
    in_order = sf.array_sort(sf.collect_list(sf.struct("timestamp", "page")))
    return paths(views, sf.transform(in_order, lambda view: view["page"]))


def paths(views: DataFrame, pages: Column) -> DataFrame:
    return (
        views.withWatermark("timestamp", "15 minutes")
        .selectExpr(
            "CAST(key AS STRING) AS key", "CAST(value AS STRING) AS page", "timestamp"
        )
        .groupBy("key", sf.session_window("timestamp", "30 minutes"))
        .agg(sf.concat_ws(" > ", pages).alias("path"))
        .select("key", "session_window.start", "path")
    )
