"""Abandoned runs end, and can be submitted again.

A second run of a schedule (`again`) goes on, because its outcome is still needed.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._invariance.answers import Answers
from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.job import Job
from spark_kafka_testkit._invariance.runs import Runs
from spark_kafka_testkit._invariance.schedule import Schedule
from spark_kafka_testkit._invariance.stage import Stage
from spark_kafka_testkit._invariance.topics import Topics
from spark_kafka_testkit._invariance.trial import Abandoned

from .jobs import ORDERS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TWO_BATCHES = Schedule.parse("send orders[0] | batch | send orders[1] | batch")


def test_a_run_that_is_abandoned_ends_after_its_step_and_can_be_asked_for_again(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    calls: list[DataFrame] = []
    begun, abandoned = threading.Semaphore(0), threading.Event()

    def job(orders: DataFrame) -> DataFrame:
        calls.append(orders)
        begun.release()
        assert abandoned.wait(60)
        return orders.selectExpr("CAST(value AS STRING) AS value")

    cluster = kafka._cluster
    assert cluster is not None
    with closing(Topics(cluster)) as topics, Runs(spark) as runs:
        stage = Stage(
            cluster,
            Job(job, ["orders"]),
            Inputs(ORDERS, None),
            Answers("rows", None),
            topics,
            "append",
            None,
            has_clock=True,
            timeout=60,
        )
        under_way = runs.submit(stage, TWO_BATCHES)
        twice = runs.submit(stage, TWO_BATCHES, again=True)
        others = [
            runs.submit(stage, replace(TWO_BATCHES, shuffle=n + 3))
            for n in range(runs.width)
        ]
        for _ in range(runs.width):
            assert begun.acquire(timeout=60)
        runs.abandon()
        abandoned.set()
        for run in (under_way, *others):
            assert isinstance(run.exception(), Abandoned)
        assert "v0" in str(twice.result().answer)
        assert spark.streams.active == []
        outcome = runs.submit(stage, TWO_BATCHES).result()
        assert outcome.death is None
        assert sorted(value for (value,) in outcome.answer) == ["v0", "v1"]
    # the last two were still waiting, so the job was not called for them
    assert len(calls) == runs.width + 1
