"""The Spark session of a test run.

It is a classic session. If SPARK_KAFKA_TESTKIT_TEST_CONNECT is set, it is a Connect
session to a server in its own process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING

import pyspark
import pytest

from spark_kafka_testkit import KafkaUtils

from .connect_server import connect_server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ON_CONNECT = bool(os.environ.get("SPARK_KAFKA_TESTKIT_TEST_CONNECT"))
needs_jvm = pytest.mark.skipif(
    ON_CONNECT, reason="Spark Connect: the session's JVM is out of the test's reach"
)
needs_own_functions = pytest.mark.skipif(
    ON_CONNECT,
    reason="Spark Connect: foreachBatch runs on the server, apart from the test's "
    "variables",
)
needs_mode = pytest.mark.skipif(
    ON_CONNECT, reason="Spark Connect: a query does not show that it is in real time"
)
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "ERROR",
}


_server = ExitStack()  # ends with this process


@cache
def spark_session() -> SparkSession:
    """The session as a user makes it, one for the whole run."""
    from pyspark.sql import SparkSession

    if ON_CONNECT:
        settings = KafkaUtils.spark_conf(SETTINGS)
        address = _server.enter_context(connect_server(settings))
        return SparkSession.builder.remote(address).getOrCreate()
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in KafkaUtils.spark_conf(SETTINGS).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@contextmanager
def settings(spark: SparkSession, conf: Mapping[str, str]) -> Iterator[None]:
    """Queries that start in the block have these settings."""
    before = {name: spark.conf.get(name, None) for name in conf}
    for name, value in conf.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)


def needs_real_time() -> None:
    """Skips the test where Spark is too old."""
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    if "realTime" not in signature(DataStreamWriter.trigger).parameters:
        pytest.skip(f"Spark {pyspark.__version__[:3]} has no real-time mode for Python")
