"""A stream with a clock that the test sets: batches run when the test says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import functions

from spark_kafka_testkit import Batch, KafkaUtils, WaitError, at
from tests.sessions import needs_jvm

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

pytestmark = needs_jvm

MINUTES: dict[str, Any] = {
    "trigger": {"processingTime": "1 minute"},
    "clock": at("09:00"),
    "timeout": 900.0,
}


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def stamped(df: DataFrame) -> DataFrame:
    """The key, and the time of the batch."""
    now = functions.date_format(functions.current_timestamp(), "HH:mm:ss.SSS")
    return df.select("key", now.alias("value"))


def ids(batches: list[Batch]) -> list[int]:
    return [batch.id for batch in batches]


def triggers(query: Any) -> list[str]:
    """When each trigger that has ended began, including those without a batch."""
    return [progress["timestamp"][11:19] for progress in query.recentProgress]


def test_a_batch_runs_at_each_trigger_that_has_data_and_never_else(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Everything sent so far waits for the first trigger, before or after the start.

    A batch has what was sent before it, and the time of its own trigger.
    """
    kafka.send_messages(topic, [("before", "v")])
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        run.add_data(topic, [("a", "v")])
        assert run.query.lastProgress is None
        run.check_answer([])
        assert run.advance("59 seconds") == []
        assert run.query.lastProgress is None
        (first,) = run.advance(timedelta(seconds=1, milliseconds=500))
        assert (first.id, first.rows_in, first.rows_out) == (0, 2, 2)
        run.check_new_answer([("before", "09:01:00.000"), ("a", "09:01:00.000")])
        assert run.now == at("09:01:00.500")
        run.check_nothing_new()


def test_the_next_batch_is_that_of_the_next_trigger(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It has what was sent since the last one. All of its facts are known."""
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        for number in range(1, 6):
            run.add_data(topic, [("a", "v")] * number)
            assert run.next_batch() == Batch(
                id=number - 1,
                offsets_in={topic: {0: number}},
                rows_in=number,
                rows_out=number,
                watermark_before=None,
                watermark=None,
                state_rows=0,
                late_rows=0,
            )
            run.check_last_batch([("a", f"09:0{number}:00.000")] * number)


def test_triggers_that_are_due_run_one_after_another(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Each runs at its own time.

    The source limits its batches, so each trigger has data.
    """
    rows = stamped(queries.source(topic, maxOffsetsPerTrigger="1"))
    with kafka.run_stream(rows, sink, **MINUTES) as run:
        run.add_data(topic, [("a", 1), ("b", 2), ("c", 3), ("d", 4)])
        assert ids(run.advance("3 minutes")) == [0, 1, 2]
        expected = [("a", "09:01:00.000"), ("b", "09:02:00.000"), ("c", "09:03:00.000")]
        run.check_answer(expected)
        assert ids(run.advance("3 minutes")) == [3]
        assert triggers(run.query) == [f"09:0{n}:00" for n in range(1, 7)]
        run.check_answer([*expected, ("d", "09:04:00.000")])


def test_the_first_trigger_is_a_batch_even_without_data(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """That is so without a clock too. Later triggers without data make no batch."""
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        (first,) = run.advance("5 minutes")
        assert (first.id, first.rows_in) == (0, 0)
        with pytest.raises(WaitError) as caught:
            run.next_batch()
        assert str(caught.value) == (
            "No batch was run at 2026-01-01 09:06:00: nothing was sent since the last "
            "one, and no timer was due. Send first, or advance() to the timer."
        )
        run.check_answer([])


def test_latest_is_what_it_is_at_the_start(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Records sent after the start are read, even if no batch has run yet."""
    kafka.send_messages(topic, [("before", "v")])
    rows = stamped(queries.source(topic, startingOffsets="latest"))
    with kafka.run_stream(rows, sink, **MINUTES) as run:
        run.add_data(topic, [("after", "v")])
        run.advance("1 minute")
        run.check_answer([("after", "09:01:00.000")])


def test_the_clock_goes_on_over_a_restart(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The query continues from its checkpoint, and waits for the clock again."""
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        run.add_data(topic, [("a", "v")])
        run.advance_to(at("09:30"))
        run.stop()
        run.add_data(topic, [("b", "v")])
        with pytest.raises(RuntimeError) as caught:
            run.advance("1 minute")
        assert str(caught.value) == "The stream is not running. Call start() first."
        run.start()
        assert run.now == at("09:30")
        run.check_answer([("a", "09:01:00.000")])
        assert ids(run.advance("1 minute")) == [1]
        run.restart()
        assert run.advance("10 minutes") == []
        run.check_answer([("a", "09:01:00.000"), ("b", "09:31:00.000")])


def test_the_memory_sink_has_a_clock_too(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """If the watermark moves, the next trigger is a batch without data."""
    kafka.create_topics([topic])
    counts = (
        queries.source(topic)
        .withWatermark("timestamp", "1 minute")
        .groupBy(functions.window("timestamp", "1 minute"))
        .count()
        .select("count")
    )
    with kafka.run_stream(counts, **MINUTES) as run:
        run.batches(topic, [("a", "1"), ("b", "2")])
        assert run.advance("10 minutes")[0].rows_in == 0
        assert run.watermark is not None
        run.check_answer([])


def test_foreach_batch_has_a_clock_too(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    kafka.create_topics([topic])
    seen: list[tuple[int, int]] = []

    def save(df: DataFrame, batch: int) -> None:
        seen.append((batch, df.count()))

    with kafka.run_stream(queries.source(topic), foreach_batch=save, **MINUTES) as run:
        run.add_data(topic, [("a", 1)])
        assert seen == []
        run.advance("1 hour")
        run.batches(topic, [("a", 2), ("a", 3)])
    assert seen == [(0, 1), (1, 2)]


def test_files_have_a_clock_too(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    kafka.create_topics([topic])
    rows = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    with kafka.run_stream(rows, sink="parquet", **MINUTES) as run:
        run.add_data(topic, [("a", 1)])
        run.check_answer([])
        run.next_batch()
        run.check_answer([("a",)])


def test_two_clocks_go_on_by_themselves(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """A query that waits for its clock does not keep another one's answer open."""
    rows = queries.source(topic).select("key", "value")
    other = queries.source(sink).select("key", "value")
    kafka.create_topics([f"{topic}-end"])
    with (
        kafka.run_stream(rows, sink, **MINUTES) as first,
        kafka.run_stream(other, f"{topic}-end", timeout=900) as second,
    ):
        first.add_data(topic, [("a", 1)])
        second.check_answer([])
        with pytest.raises(WaitError):
            second.check_answer([("a", "1")])
        first.next_batch()
        second.check_answer([("a", "1")])


def test_what_has_not_run_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """No step waits for records that no trigger has run."""
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        run.next_batch()
        run.process_all_available()
        kafka.wait_for_query_alive(run.query)
        run.add_data(topic, [("a", "v")])
        with pytest.raises(WaitError) as caught:
            run.process_all_available()
        assert str(caught.value).splitlines()[:2] == [
            f"Query {run.query.id} has not processed its topics, and does nothing on "
            "its own.",
            "It runs on the test's clock. Call advance() or next_batch() of its run "
            "first.",
        ]
        assert str(caught.value).splitlines()[2] == (
            f"  topic {topic!r}, partition 0: at 0, the end is 1"
        )
        with pytest.raises(WaitError) as caught:
            run.check_answer([("a", "09:02:00.000")])
        assert str(caught.value).splitlines()[1] == (
            "The query runs on the test's clock, which has not let it run all that was "
            "sent: it shows 2026-01-01 09:01:00, and the next trigger is due at "
            "2026-01-01 09:02:00. Call next_batch() or advance() further."
        )
        run.restart()
        with pytest.raises(WaitError, match="has not let it run since its start"):
            run.check_answer([("a", "09:02:00.000")])
        with pytest.raises(WaitError, match="has not run since its start, and does"):
            run.process_all_available()


def test_a_query_that_dies_of_a_trigger_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The step that ran the trigger raises it, or expect_failure returns it.

    expect_failure runs the next trigger.
    """
    rows = queries.source(topic, startingOffsets="latest")
    dying = rows.selectExpr(
        "CAST(raise_error(CAST(value AS STRING)) AS STRING) AS value"
    )
    stream = kafka.run_stream(dying, sink, **MINUTES)
    with pytest.raises(StreamingQueryException, match="as wanted"), stream as run:
        run.batches(topic, [("a", "as wanted")])
    with kafka.run_stream(dying, sink, **MINUTES) as run:
        with pytest.raises(WaitError) as caught:
            run.expect_failure()
        assert str(caught.value).splitlines()[0] == (
            f"Query {run.query.id} did not fail in its trigger at 2026-01-01 09:01:00."
        )
        run.add_data(topic, [("a", "again")])
        assert "again" in str(run.expect_failure())
        with pytest.raises(StreamingQueryException):
            run.advance("1 minute")


def test_what_is_not_done_in_time_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Triggers that have not begun by then do not run. The clock can go on later."""
    rows = stamped(queries.source(topic))
    with kafka.run_stream(rows, sink, **MINUTES) as run:
        usual, run._timeout = run._timeout, 1.0
        with pytest.raises(WaitError) as caught:
            run.advance("100 days")
        first, second, *_ = str(caught.value).splitlines()
        assert first.startswith(
            f"Query {run.query.id} had not run what was due by 2026-04-11 09:00:00 "
            "within 1 s: its clock stands at 2026-01-01 "
        )
        assert second == "Give it more time (timeout=...), or advance by less."
        run._timeout = usual
        stood = run.now
        run.advance("1 minute")
        assert timedelta(minutes=1) <= run.now - stood <= timedelta(minutes=2)


@pytest.mark.parametrize(
    ("step", "error", "text"),
    [
        (
            lambda run: run.advance("0 minutes"),
            ValueError,
            "by must be more than 0, got '0 minutes'",
        ),
        (
            lambda run: run.advance("3 fortnights"),
            ValueError,
            "by must be a time such as '30 minutes', in units of milliseconds, "
            "seconds, minutes, hours, days, weeks, got '3 fortnights'",
        ),
        (
            lambda run: run.advance(60),
            TypeError,
            "by must be a text such as '30 minutes', or a timedelta, not int",
        ),
        (
            lambda run: run.advance(timedelta(microseconds=1)),
            ValueError,
            "by must be a whole number of milliseconds, got "
            "datetime.timedelta(microseconds=1)",
        ),
        (
            lambda run: run.advance_to("2026-01-01T08:59"),
            ValueError,
            "The clock can't go back: it stands at 2026-01-01 09:00:00, but "
            "advance_to() got 2026-01-01 08:59:00. Give a later time.",
        ),
        (
            lambda run: run.advance_to("noon"),
            ValueError,
            "to must be a time such as '2026-01-01T09:00', got 'noon'",
        ),
        (
            lambda run: run.advance_to(12),
            TypeError,
            "to must be a time such as '2026-01-01T09:00', or a datetime, not int",
        ),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    clocked: Any, step: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        step(clocked)
    assert str(caught.value) == text


@pytest.fixture(scope="module")
def clocked(kafka: KafkaUtils, spark: Any) -> Iterator[Any]:
    kafka.create_topics(["clocked"])
    df = kafka.read_stream(spark, "clocked").select("value")
    with kafka.run_stream(df, **MINUTES) as run:
        yield run


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {},
            "clock= needs a processing-time trigger, but the stream has none. Give "
            'trigger={"processingTime": "1 minute"}.',
        ),
        (
            {"trigger": {"availableNow": True}},
            "clock= needs a processing-time trigger, but the stream has "
            '{\'availableNow\': True}. Give trigger={"processingTime": "1 minute"}.',
        ),
        (
            {"trigger": {"continuous": "1 second"}},
            "clock= needs a processing-time trigger, but the stream has "
            "{'continuous': '1 second'}. Give "
            'trigger={"processingTime": "1 minute"}.',
        ),
        (
            {"trigger": {"processingTime": "0 seconds"}},
            "clock= needs a trigger with an interval. '0 seconds' is not one, and "
            'would never wait for the clock. Give trigger={"processingTime": '
            '"1 minute"}.',
        ),
        (
            {**MINUTES, "clock": "nine"},
            "clock must be a time such as '2026-01-01T09:00', got 'nine'",
        ),
    ],
)
def test_a_clock_that_can_t_be_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str, options: Any, text: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is looked at
        kafka.run_stream(queries.source(topic), **{"clock": at("09:00"), **options})
    assert str(caught.value) == text


def test_a_stream_without_a_clock_has_no_time(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    run = kafka.run_stream(queries.source(topic))
    with pytest.raises(TypeError) as caught:
        run.advance("1 minute")
    assert str(caught.value) == (
        "advance() is for a stream with a clock: "
        'run_stream(..., trigger={"processingTime": "1 minute"}, '
        'clock="2026-01-01T09:00").'
    )


def test_a_crash_and_a_replay_by_a_clock(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """A trigger of its own runs the lost batch, and the next one runs it again."""
    with kafka.run_stream(stamped(queries.source(topic)), sink, **MINUTES) as run:
        with run.crash("after_sink") as crash:
            run.add_data(topic, [("a", "1")])
        run.check_answer([("a", "09:01:00.000")])
        run.start()
        assert ids(run.advance("1 minute")) == [crash.batch]
        run.check_answer([("a", "09:01:00.000")] * 2)
        assert run.replay_last_batch() == crash.batch
        run.check_answer([("a", "09:01:00.000")] * 3)
        assert run.advance("5 minutes") == []
