"""The contract suite runs over both clients: the same calls, the same results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def through(
    client: str, bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KafkaUtils]:
    """A KafkaUtils of that broker, whose calls go through that client."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", client)
    with KafkaUtils(bootstrap_servers=bootstrap_servers) as external:
        assert external.client == client
        yield external
        assert external.client == client


@pytest.fixture(params=["jvm", "kafka-python"])
def utils(
    request: pytest.FixtureRequest,
    kafka: KafkaUtils,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[KafkaUtils]:
    """A KafkaUtils whose calls go through the client that the parameter names."""
    with through(request.param, kafka.broker, monkeypatch) as external:
        yield external
