"""One broker and one Spark session for the run; no topics at the start of a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from spark_kafka_testkit import KafkaUtils


@pytest.fixture(scope="session")
def kafka_utils() -> Iterator[KafkaUtils]:
    with KafkaUtils() as utils:
        yield utils


@pytest.fixture
def kafka(kafka_utils: KafkaUtils) -> Iterator[KafkaUtils]:
    kafka_utils.create_topics(["orders", "totals"])
    yield kafka_utils
    kafka_utils.delete_topics(["orders", "totals"])


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    settings = {"spark.sql.shuffle.partitions": "2", "spark.ui.enabled": "false"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in KafkaUtils.spark_conf(settings).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()
