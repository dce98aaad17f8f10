"""The newest address of each customer, who may change it on the web or in the app.

Wrong: the record with the greatest offset is taken for the newest. Offsets belong to
one partition of one topic. Those of two topics can't be compared, and they change with
the number of partitions and with what other customers send. Right: the record with the
newest event time. If two have the same time, either will do, but it is always the same
one.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from spark_kafka_testkit import Record, at

INPUTS = {
    "web": [
        Record("bob", "2 Oak St", timestamp=at("09:02")),
        Record("cem", "3 Ash St", timestamp=at("09:05")),
        Record("eva", "5 Yew St", timestamp=at("09:07")),
        Record("dee", "4 Fir St", timestamp=at("09:11")),
        Record("ada", "7 Box Rd", timestamp=at("09:30")),
    ],
    "app": [
        Record("ada", "1 Elm St", timestamp=at("09:01")),
        Record("dee", "9 Hay Rd", timestamp=at("09:04")),
        Record("bob", "11 Key Rd", timestamp=at("09:15")),
        Record("ada", "10 Inn Rd", timestamp=at("09:20")),
        Record("cem", "12 Mill Rd", timestamp=at("09:25")),
        Record("eva", "8 Low Rd", timestamp=at("09:45")),
    ],
}
OPTIONS = {"output_mode": "update", "sink": "kafka", "answer": "latest"}


def wrong(web: DataFrame, app: DataFrame) -> DataFrame:
    newest = sf.max_by("value", "offset")
    return changes(web, app).groupBy("key").agg(newest.alias("value"))


def right(web: DataFrame, app: DataFrame) -> DataFrame:
    newest = sf.max_by("value", sf.struct("timestamp", "value"))
    return changes(web, app).groupBy("key").agg(newest.alias("value"))


def changes(web: DataFrame, app: DataFrame) -> DataFrame:
    return web.union(app).selectExpr(
        "CAST(key AS STRING) AS key",
        "CAST(value AS STRING) AS value",
        "offset",
        "timestamp",
    )
