"""The kit works beside a query that holds every task slot, unlike a Spark job."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit.errors import WaitError
from tests.sessions import needs_jvm

from .conftest import Queries

LONG = 900.0

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery


def test_a_read_takes_no_task_slot(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A real-time query on local[2] holds both slots for its whole batch.

    A batch read by Spark begins before the kit's, and has not ended when the kit's has.
    """
    spark, sink = queries.spark, f"{topic}-sink"
    kafka.create_topics([topic, sink], num_partitions=2)
    query = queries.to_topic(queries.source(topic), sink, realTime="5 minutes")
    first = {f"first{n}": "v" for n in range(2)}
    kafka.send_messages(
        topic, [Record(key, "v", partition=n) for n, key in enumerate(first)]
    )
    answer = lambda: kafka.get_all_records(spark, sink)  # noqa: E731
    # by then both of its tasks hold a slot
    kafka.assert_eventually(answer, first, timeout=LONG, interval=0.05)
    done = threading.Event()

    def read_by_spark() -> None:
        reader = spark.read.format("kafka").option("subscribe", topic)
        reader.option("kafka.bootstrap.servers", kafka.broker).load().collect()
        done.set()

    reading = threading.Thread(target=read_by_spark)
    reading.start()
    assert kafka.client == "jvm"
    messages = {f"k{n}": f"v{n}" for n in range(10)}
    kafka.send_messages(topic, list(messages.items()))
    assert kafka.get_all_records(spark, topic) == first | messages
    kafka.assert_eventually(answer, first | messages, timeout=LONG, interval=0.05)
    assert query.lastProgress is None, "the batch has ended: the slots were free"
    assert not done.is_set()
    query.stop()
    reading.join(60)
    assert done.is_set()


@needs_jvm
def test_tasks_without_a_slot_are_reported(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A failed wait says if the session has fewer cores than the query has tasks."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink], num_partitions=3)
    query = queries.to_topic(queries.source(topic), sink, realTime="30 seconds")
    kafka.wait_for_query_alive(query)
    running = re.compile(r"  tasks of its active stages: [12] of 3 run \(each needs ")
    deadline = time.monotonic() + 60
    while not running.search(text := _failed_wait(kafka, query)):
        assert time.monotonic() < deadline, text


def _failed_wait(kafka: KafkaUtils, query: StreamingQuery) -> str:
    with pytest.raises(WaitError) as caught:
        kafka.assert_eventually(lambda: 1, 2, timeout=0.1, query=query)
    return str(caught.value)
