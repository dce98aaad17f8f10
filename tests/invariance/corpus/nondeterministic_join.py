"""Complaints, each given to one of a hundred agents.

Wrong: a function draws the agent at random. If a batch runs again, as after a failure,
its complaints go to other agents. The same is true of each run of the job. Right: the
complaint's number determines the agent.
"""

from __future__ import annotations

import random
import zlib

from pyspark.sql import Column, DataFrame, functions

from spark_kafka_testkit import Record, at

INPUTS = {
    "complaints": [
        Record("c-1", "cold tea", timestamp=at("09:00")),
        Record("c-2", "no rum", timestamp=at("09:02")),
        Record("c-3", "warm gin", timestamp=at("09:03")),
        Record("c-4", "flat ale", timestamp=at("09:07")),
        Record("c-5", "no tea", timestamp=at("09:08")),
        Record("c-6", "old rum", timestamp=at("09:11")),
    ]
}
AGENTS = 100


def wrong(complaints: DataFrame) -> DataFrame:
    draw = functions.udf(
        lambda key: random.randrange(AGENTS), "BIGINT"
    ).asNondeterministic()
    return give(complaints, draw("key"))


def right(complaints: DataFrame) -> DataFrame:
    choose = functions.udf(lambda key: zlib.crc32(key) % AGENTS, "BIGINT")
    return give(complaints, choose("key"))


def give(complaints: DataFrame, number: Column) -> DataFrame:
    agents = complaints.sparkSession.range(AGENTS).selectExpr(
        "id AS number", "concat('agent ', id) AS agent"
    )
    return (
        complaints.where("key IS NOT NULL")
        .withColumn("number", number)
        .join(agents, "number")
        .selectExpr("CAST(key AS STRING) AS key", "agent")
    )
