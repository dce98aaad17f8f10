"""What the tests of all jobs share, where there is no kit."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyspark
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from pyspark.sql import DataFrame, SparkSession

JOBS = Path(__file__).parents[1] / "jobs"


@pytest.fixture(scope="session")
def broker() -> str:
    """Docker Compose has started it."""
    return os.environ.get("KAFKA_BROKER", "localhost:9092")


@pytest.fixture(scope="session")
def connector() -> str:
    return f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pyspark.__version__}"


@pytest.fixture(scope="session")
def spark(connector: str) -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars.packages", connector)
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.executorEnv.PYTHONPATH", str(JOBS))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def create_topics(broker: str) -> Iterator[Callable[..., list[str]]]:
    admin = KafkaAdminClient(bootstrap_servers=broker)
    created: list[str] = []

    def create(*names: str) -> list[str]:
        admin.create_topics([NewTopic(name, 1, 1) for name in names])
        created.extend(names)
        time.sleep(2)  # until they have leaders
        return list(names)

    yield create
    admin.delete_topics(created)
    admin.close()


@pytest.fixture
def topics(create_topics: Callable[..., list[str]]) -> list[str]:
    return create_topics(
        *(f"{name}-{uuid.uuid4().hex}" for name in ("in", "in2", "out"))
    )


@pytest.fixture
def send(broker: str) -> Iterator[Callable[..., None]]:
    producer = KafkaProducer(bootstrap_servers=broker)

    def send_all(topic: str, *messages: tuple[str, Any, str | None]) -> None:
        """Sends (key, value, clock)."""
        for key, value, clock in messages:
            text = json.dumps(value) if isinstance(value, dict) else value
            encoded = None if text is None else text.encode()
            producer.send(topic, encoded, key.encode(), timestamp_ms=millis(clock))
        producer.flush()

    yield send_all
    producer.close()


def millis(clock: str | None) -> int | None:
    if clock is None:
        return None
    moment = datetime.fromisoformat(f"2026-01-01T{clock}:00+00:00")
    return int(moment.timestamp() * 1000)


@pytest.fixture
def records(broker: str) -> Callable[..., list[Any]]:
    def read(topic: str, count: int, seconds: float = 30) -> list[Any]:
        """What the topic holds, when it is as many as expected, or the time is up."""
        consumer = KafkaConsumer(
            topic, bootstrap_servers=broker, auto_offset_reset="earliest"
        )
        found: list[Any] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            for part in consumer.poll(500).values():
                found += part
        consumer.close()
        return found

    return read


@pytest.fixture
def read_stream(spark: SparkSession, broker: str) -> Callable[[str], DataFrame]:
    def read(topic: str) -> DataFrame:
        return (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", broker)
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load()
        )

    return read


@pytest.fixture
def run(broker: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    queries = []

    def start(df: DataFrame, topic: str) -> Any:
        query = (
            df.writeStream.format("kafka")
            .option("kafka.bootstrap.servers", broker)
            .option("topic", topic)
            .option("checkpointLocation", str(tmp_path / "checkpoint"))
            .start()
        )
        queries.append(query)
        time.sleep(5)  # until it runs
        return query

    yield start
    for query in queries:
        query.stop()
