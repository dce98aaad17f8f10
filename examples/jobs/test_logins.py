"""Three failures in ten minutes lock an account, and half an hour opens it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from spark_kafka_testkit import at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner

spark_4 = "transformWithState needs Spark 4"
pytest.importorskip("pyspark.sql.streaming.stateful_processor", reason=spark_4)
pytest.importorskip("google.protobuf", reason="PySpark needs it for transformWithState")

STORE = "spark.sql.streaming.stateStore.providerClass"
ROCKS_DB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


@pytest.fixture
def rocks_db(kafka_spark: SparkSession) -> Iterator[None]:
    """The state store that transformWithState needs, as in production."""
    kafka_spark.conf.set(STORE, ROCKS_DB)
    yield
    kafka_spark.conf.unset(STORE)


# --8<-- [start:test]
@pytest.mark.usefixtures("rocks_db")
def test_three_failures_lock_an_account(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    from logins import locks

    source, sink = kafka_topics
    stream = kafka_stream(
        locks(kafka_read_stream(source)),
        sink,
        output_mode="update",
        trigger={"processingTime": "10 minutes"},
        clock=at("09:00"),
    )
    bob = [("bob", "wrong password")] * 3
    stream.batches(source, [("ann", "typo"), ("ann", "typo"), *bob], bob)  # to 09:20
    stream.advance("10 minutes")
    stream.check_answer([("bob", "locked")])
    stream.add_data(source, [("ann", "typo")])  # her first two are too old by now
    stream.advance("10 minutes")
    stream.check_answer([("bob", "locked"), ("bob", "unlocked")])


# --8<-- [end:test]
