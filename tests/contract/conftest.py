"""The contract suite runs over both clients: the same calls, the same results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(params=["jvm", "kafka-python"])
def utils(
    request: pytest.FixtureRequest,
    kafka: KafkaUtils,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[KafkaUtils]:
    """A KafkaUtils whose calls go through the client that the parameter names."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", request.param)
    with KafkaUtils(bootstrap_servers=kafka.broker) as external:
        assert external.client == request.param
        yield external
        assert external.client == request.param
