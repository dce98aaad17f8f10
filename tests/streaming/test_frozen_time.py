"""Waits for queries in tests that freeze time."""

from __future__ import annotations

import pytest
from freezegun import freeze_time

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import WaitError

from .conftest import Queries

UNREACHABLE = {
    "kafka.bootstrap.servers": "127.0.0.1:9",
    "kafka.request.timeout.ms": "1000",  # else it stops after a minute
    "kafka.default.api.timeout.ms": "3000",
}


def test_a_stream_runs_in_frozen_time(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It starts, processes data and ends.

    A query that is not alive in time is reported.
    """
    sink = f"{topic}-sink"
    with freeze_time("2020-01-01"):
        kafka.create_topics([topic, sink])
        with kafka.run_stream(queries.source(topic), sink) as stream:
            stream.add_data(topic, [("k", "v")])
            stream.process_all_available()
            stream.check_answer({"k": "v"})
        never = queries.source(topic, **UNREACHABLE)
        stream = kafka.run_stream(never, sink, timeout=0)
        with pytest.raises(WaitError, match="was not alive within 0 s"):
            stream.__enter__()
