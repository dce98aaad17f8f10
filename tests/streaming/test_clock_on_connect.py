"""With Spark Connect, a stream can't have a clock."""

from __future__ import annotations

import pytest

from spark_kafka_testkit import KafkaUtils, at
from spark_kafka_testkit.errors import SparkSetupError
from tests.sessions import ON_CONNECT

from .conftest import Queries


@pytest.mark.skipif(not ON_CONNECT, reason="a classic session can have a clock")
def test_a_clock_is_refused(kafka: KafkaUtils, queries: Queries, topic: str) -> None:
    """The query runs in a JVM that is out of reach."""
    trigger = {"processingTime": "1 minute"}
    kafka.create_topics([topic])
    with pytest.raises(SparkSetupError) as caught:
        kafka.run_stream(queries.source(topic), trigger=trigger, clock=at("09:00"))
    assert str(caught.value) == (
        "clock= needs a query in this process's JVM, but the session uses Spark "
        "Connect. Use a classic session, for example that of "
        "KafkaUtils.spark_session()."
    )
