"""Carries out histories, and compares what the kit reports with the oracle."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import currently_in_test_context, note
from pyspark.sql import functions

from spark_kafka_testkit import KafkaUtils, Record, WaitError

from .jobs import Job
from .model import History, Row, Step
from .oracles import Oracle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_kafka_testkit import StreamRun

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LONG = 900.0


def run_history(
    kafka: KafkaUtils,
    spark: SparkSession,
    job: Job,
    history: History,
    *,
    reads_state: bool,
) -> None:
    """Run a query through a history, up to the first difference from the oracle.

    The answer, the watermark, the state and the late rows are compared.

    Args:
        kafka: the broker.
        spark: the session.
        job: the operator.
        history: the history.
        reads_state: whether to read the state, which Spark 3.5 can't do.

    Raises:
        AssertionError: there is a difference.
    """
    history = job.fitting(history)
    topic = f"stateful-{uuid.uuid4().hex[:12]}"
    kafka.create_topics([topic], 2)
    kafka.create_topics([f"{topic}-sink"])
    try:
        df = job.query(source(kafka, spark, topic), f"{history.delay} minutes")
        options: dict[str, Any] = {"output_mode": job.mode, "timeout": LONG}
        if history.stepped:
            options["trigger"] = {"availableNow": True}
        with kafka.run_stream(df, f"{topic}-sink", **options) as run:
            oracle = job.oracle(history.delay)
            for number, step in enumerate(history.steps):
                if currently_in_test_context():
                    note(f"step {number}, topic {topic}")
                take = take_step if history.stepped else take_transaction
                expected = take(kafka, run, topic, oracle, step)
                check(run, oracle, expected)
                check_rows(job, run, oracle)
                if reads_state and (step.looks or step is history.steps[-1]):
                    check_state(job, run, oracle)
            run.check_late(
                dropped=oracle.dropped,
                accepted=oracle.accepted,
                filtered=oracle.filtered,
            )
    finally:
        kafka.delete_topics([topic, f"{topic}-sink"])


def source(kafka: KafkaUtils, spark: SparkSession, topic: str) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .options(**kafka.spark_options())
        .options(
            **{
                "subscribe": topic,
                "startingOffsets": "earliest",
                "kafka.isolation.level": "read_committed",
            }
        )
        .load()
        .select(functions.col("key").cast("string").alias("key"), "timestamp")
    )


def records(rows: Iterable[Row]) -> list[Record]:
    return [
        Record(row.key, "v", timestamp=row.time, partition=row.partition)
        for row in rows
    ]


def take_step(
    kafka: KafkaUtils, run: StreamRun, topic: str, oracle: Oracle, step: Step
) -> list[tuple[str, str]]:
    """Run a step with `next_batch`, and return the answer that the oracle expects.

    Each such step is a run of the query, and so a restart.
    """
    oracle.restart()
    before, dropped = oracle.watermark, oracle.dropped
    answer = oracle.step(step.rows)
    if not step.rows:
        with pytest.raises(WaitError, match=r"^No batch was run: nothing was sent "):
            run.next_batch()
        return answer
    run.add_data(topic, records(step.rows))
    batch = run.next_batch()
    assert batch.watermark_before == at(before)
    assert batch.watermark == at(oracle.watermark)
    # Spark counts the rows of one group in one task as one row
    assert bool(batch.late_rows) == (oracle.dropped > dropped)
    assert batch.late_rows <= oracle.dropped - dropped
    return answer


def take_transaction(
    kafka: KafkaUtils, run: StreamRun, topic: str, oracle: Oracle, step: Step
) -> list[tuple[str, str]]:
    """Send a step to the running query, and return the answer that the oracle expects.

    If the step asks for it, the query is restarted first.
    """
    if step.restart:
        run.restart()
        oracle.restart()
    if step.rows:
        kafka.send_messages(topic, records(step.rows), transactional=True)
    return oracle.step(step.rows)


def check(run: StreamRun, oracle: Oracle, answer: list[tuple[str, str]]) -> None:
    """Check the new answer, that nothing else comes, and the watermark.

    After `check_nothing_new`, the query is at rest.
    """
    if answer:
        run.check_new_answer(answer)
    run.check_nothing_new()
    found, expected = run.watermark, at(oracle.watermark)
    assert found in (expected, None), f"watermark {found}, {expected} was expected"


def check_rows(job: Job, run: StreamRun, oracle: Oracle) -> None:
    """Check how many rows the operator holds.

    Spark does not report that for a trigger without a batch.
    """
    told = dict(run.query.lastProgress or {}).get("stateOperators")
    if told:
        found, expected = told[0]["numRowsTotal"], job.rows(oracle.state())
        assert found == expected, f"{found} rows are held, {expected} were expected"
    run.check_state_bounded(job.rows(oracle.state()))


def check_state(job: Job, run: StreamRun, oracle: Oracle) -> None:
    found = {part: sorted(rows) for part, rows in job.read(run).items()}
    expected = {part: sorted(rows) for part, rows in oracle.state().items()}
    assert found == expected, f"{found} is held, {expected} was expected"


def at(millis: int) -> datetime:
    """A time in the form of the kit and PySpark: local, without a zone."""
    time = EPOCH + timedelta(milliseconds=millis)
    return time.astimezone().replace(tzinfo=None)
