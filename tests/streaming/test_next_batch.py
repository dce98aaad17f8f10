"""Exactly one batch of exactly what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import functions

from spark_kafka_testkit import Batch, KafkaUtils, Record, WaitError, at
from tests.sessions import needs_own_functions

from .conftest import Queries
from .test_final_answers import per_window, times, upper

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEPS: dict[str, Any] = {"trigger": {"availableNow": True}, "timeout": 900.0}


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic has two partitions."""
    kafka.create_topics([topic], 2)
    kafka.create_topics([f"{topic}-sink"])
    return f"{topic}-sink"


def test_a_step_is_one_batch_of_what_was_sent(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It has the next number, and the offsets read from each partition.

    Without data there is no batch.
    """
    kafka.send_messages(topic, [Record("a", "v", partition=0)])
    with kafka.run_stream(upper(queries.source(topic)), sink, **STEPS) as run:
        run.check_answer([("a", "V")])
        for number in range(1, 6):
            run.add_data(topic, [Record("a", str(number), partition=1)] * number)
            run.add_data(topic, [Record("b", "v", partition=0)])
            batch = run.next_batch()
            assert batch == Batch(
                id=number,
                offsets_in={topic: {0: 1, 1: number}},
                rows_in=number + 1,
                rows_out=number + 1,
                watermark_before=None,
                watermark=None,
                state_rows=0,
                late_rows=0,
            )
            run.check_new_answer([("a", str(number))] * number + [("b", "V")])
        with pytest.raises(WaitError) as caught:
            run.next_batch()
    assert str(caught.value) == (
        "No batch was run: nothing was sent since the last one. Call add_data() first."
    )


def test_the_watermark_of_each_batch_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The watermark of earlier batches decides what is late, never that of its own."""
    with kafka.run_stream(per_window(queries.source(topic)), sink, **STEPS) as run:
        first, second, third = run.batches(
            topic, times("09:00", "08:00"), times("10:05"), times("09:01", "10:06")
        )
        assert first.late_rows == 0
        assert first.state_rows == 1  # a batch without data has closed that of 08:00
        assert second.watermark_before == at("09:00")
        assert second.watermark == third.watermark_before
        assert third.late_rows == 1
        assert (third.rows_in, third.state_rows) == (2, 1)
        run.check_answer({"08:00": "1", "09:00": "1"})


def test_the_state_is_known_after_a_step_without_data(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Spark's progress of such a step has no operators."""
    with kafka.run_stream(per_window(queries.source(topic)), sink, **STEPS) as run:
        run.batches(topic, times("09:00", "09:11"))
        with pytest.raises(WaitError, match=r"^No batch was run"):
            run.next_batch()
        run.check_state_bounded(rows=1)
        with pytest.raises(WaitError, match=r"^The state of the query holds 1 rows"):
            run.check_state_bounded(rows=0)


@needs_own_functions
def test_a_function_gets_each_part_as_a_batch(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """If a key is in two batches, the function is called twice."""
    seen: list[int] = []

    def save(df: DataFrame, batch: int) -> None:
        seen.append(df.count())

    rows = queries.source(topic)
    with kafka.run_stream(rows, foreach_batch=save, **STEPS) as run:
        run.batches(topic, [("a", 1)], [("a", 2), ("a", 3)])
    assert seen[-2:] == [1, 2]


def test_what_is_no_single_batch_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The source limits its batches, the trigger is another, or the query dies."""
    limited = queries.source(topic, maxOffsetsPerTrigger="1")
    with kafka.run_stream(limited.select("value"), sink, **STEPS) as run:
        run.add_data(topic, [Record("a", "1", partition=0)] * 3)
        with pytest.raises(WaitError, match=r"^3 batches ran instead of one"):
            run.next_batch()
    unstepped = kafka.run_stream(upper(queries.source(topic)), sink, timeout=900)
    with unstepped as run, pytest.raises(TypeError) as refused:
        run.next_batch()
    assert str(refused.value) == (
        "next_batch() is for a stream that runs in steps: "
        'run_stream(..., trigger={"availableNow": True}), or with a clock.'
    )
    dying = queries.source(topic).select(
        functions.raise_error(functions.lit("as wanted")).cast("string").alias("value")
    )
    stream = kafka.run_stream(dying, sink, **STEPS)
    with pytest.raises(StreamingQueryException, match="as wanted"), stream as run:
        run.next_batch()
