"""What a crash at each point of a batch does to each sink, and what follows it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._queries.batch_log import BatchLog
from spark_kafka_testkit._streams.crash_points import AtLog
from spark_kafka_testkit.errors import WaitError
from tests.sessions import ON_CONNECT, needs_jvm, needs_own_functions, settings

from .conftest import ROCKS_DB, STORE, VERSION, Queries
from .test_checkpoints import HDFS_BACKED
from .test_final_answers import upper

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

LONG = 900.0
CHANGELOG = "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled"
FORMAT = "spark.sql.streaming.stateStore.checkpointFormatVersion"
SENT = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """A sink topic; the source topic is made too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


@pytest.mark.parametrize("trigger", [{}, {"availableNow": True}], ids=["", "stepped"])
@pytest.mark.parametrize(
    ("point", "at_the_crash", "again"),
    [
        ("before_sink", [], []),
        ("in_task", SENT[:2], SENT[:2]),
        ("after_sink", SENT, SENT),
    ],
)
def test_a_topic_has_twice_what_it_had_at_the_crash(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink: str,
    point: Any,
    at_the_crash: list[tuple[str, str]],
    again: list[tuple[str, str]],
    trigger: dict[str, Any],
) -> None:
    """Kafka's sink is at-least-once: nothing is lost."""
    df = upper(queries.source(topic))
    with kafka.run_stream(df, sink, trigger=trigger, timeout=LONG) as run:
        run.add_data(topic, [("z", "0")])
        if trigger:
            run.next_batch()
        with run.crash(point) as crash:
            run.add_data(topic, SENT)
        assert crash.has_come
        assert not run.query.isActive
        run.check_answer([("z", "0"), *at_the_crash])
        run.start()
        if trigger:
            run.query.awaitTermination(60)
        run.check_answer([("z", "0"), *SENT, *again])


def test_a_batch_can_be_lost_again(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """At another point; before the sink it can't, since it has begun."""
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as run:
        with run.crash("before_sink") as first:
            run.add_data(topic, SENT[:2])
        with run.crash("in_task") as second:
            pass
        with run.crash("after_sink") as third:
            pass
        assert first.batch == second.batch == third.batch
        with (
            pytest.raises(WaitError) as caught,
            run.crash("before_sink"),
        ):
            pass
        with pytest.raises(WaitError) as refused:
            run.replay_last_batch()
        run.check_answer([SENT[0], SENT[0], SENT[1]])
        run.start()
        run.check_answer([*SENT[:2], *SENT[:2], SENT[0]])
    assert str(caught.value) == (
        f"Batch {first.batch} has begun but is not committed. It can be lost again, "
        "but not with 'before_sink'. Call start() and process_all_available() first."
    )
    assert str(refused.value) == (
        f"Batch {first.batch} has begun but is not committed, so Spark would run it "
        f"instead of batch {first.batch - 1}. Run it with start(), then replay."
    )


def test_all_that_is_sent_in_the_block_is_one_batch(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """However often something is sent, to whatever partitions."""
    other = f"{topic}-other"
    kafka.create_topics([other], 3)
    df = upper(queries.source("", subscribe=f"{topic},{other}"))
    with kafka.run_stream(df, sink, timeout=LONG) as run:
        with run.crash("after_sink") as crash:
            for key, value in SENT:
                run.add_data(topic, [(key, value)])
                run.add_data(other, [Record(key, value, partition=p) for p in range(3)])
        log = BatchLog(Path(run.checkpoint or ""))
        assert log.last_begun == crash.batch
        run.check_answer(SENT * 4)
        run.start()
        run.check_answer(SENT * 8)


def test_a_batch_of_others_is_not_lost(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """One that has begun when the crash is set."""
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=LONG) as run:
        run.add_data(topic, SENT[:1])
        run.process_all_available()
        log = BatchLog(Path(run.checkpoint or ""))
        late = log.last_committed
        for point in (AtLog(log, "offsets"), AtLog(log, "commits")):
            with pytest.raises(WaitError) as caught:
                point.set(late)
            point.clear()
        assert log.has("commits", late)
        run.add_data(topic, SENT[1:])
        run.check_answer(SENT)
    assert str(caught.value) == (
        f"Batch {late} had begun before the crash was set. Does another query use the "
        "checkpoint?"
    )


STORES = {
    "hdfs": {STORE: HDFS_BACKED},
    "rocksdb": {STORE: ROCKS_DB},
    "changelog": {STORE: ROCKS_DB, CHANGELOG: "true"},
    "format 2": {STORE: ROCKS_DB, CHANGELOG: "true", FORMAT: "2"},
}


@pytest.mark.parametrize("store", STORES)
def test_state_is_as_if_there_had_been_no_crash(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str, store: str
) -> None:
    """Whatever keeps it: a batch that runs again begins with the state that it began
    with the first time.
    """
    counts = queries.source(topic).groupBy("key").count()
    rows = counts.selectExpr("key", "CAST(count AS STRING) AS value")
    with (
        settings(queries.spark, STORES[store]),
        kafka.run_stream(rows, sink, output_mode="update", timeout=LONG) as run,
    ):
        run.add_data(topic, [("a", "x"), ("b", "x")])
        run.check_answer({"a": "1", "b": "1"})
        for number, point in enumerate(["before_sink", "in_task", "after_sink"], 2):
            with run.crash(point):  # type: ignore[arg-type]
                run.add_data(topic, [("a", "x")])
            run.start()
            run.check_answer({"a": str(number), "b": "1"})
        last = run.replay_last_batch()
        log = Path(run.checkpoint or "") / "commits" / str(last)
        if VERSION >= (4, 0):
            assert ("stateUniqueIds" in log.read_text()) == (store == "format 2")
        run.check_answer(
            [("b", "1"), *[("a", n) for n in ("1", "2", "3", "3", "4", "4", "4")]]
        )


@needs_own_functions
def test_a_function_gets_the_batch_under_its_number_again(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """After the crash before it, it has not seen the batch."""
    kafka.create_topics([topic])
    seen: list[tuple[int, int]] = []

    def save(df: DataFrame, batch: int) -> None:
        seen.append((batch, df.count()))

    rows = queries.source(topic)
    with kafka.run_stream(rows, foreach_batch=save, timeout=LONG) as run:
        with run.crash("before_sink") as before:
            run.add_data(topic, SENT[:1])
        assert seen == [(0, 0)]
        run.start()
        run.process_all_available()
        with run.crash("after_sink") as after:
            run.add_data(topic, SENT[:2])
        run.start()
        run.process_all_available()
    assert (before.batch, after.batch) == (1, 2)
    assert seen == [(0, 0), (1, 1), (2, 2), (2, 2)]
    assert repr(before) == "<Crash 'before_sink': batch 1, come>"


@needs_own_functions
def test_a_function_that_hides_a_failed_write_is_caught(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its batch is committed though a task has failed."""
    kafka.create_topics([topic])

    def save(df: DataFrame, batch: int) -> None:
        with suppress(Exception):
            df.collect()

    stream = kafka.run_stream(queries.source(topic), foreach_batch=save, timeout=LONG)
    with stream as run, pytest.raises(WaitError) as caught, run.crash("in_task"):
        run.add_data(topic, SENT)
    assert str(caught.value).splitlines()[:2] == [
        "The crash 'in_task' did not happen: batch 1 was committed.",
        "Does a foreachBatch function catch errors of its writes? Then what was not "
        "written is lost.",
    ]


def test_a_crash_that_can_not_come_is_told(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Nothing is sent; the query dies of something else; there is no block."""
    rows = upper(queries.source(topic))
    with kafka.run_stream(rows, sink, timeout=LONG) as run:
        with pytest.raises(WaitError) as silent, run.crash("after_sink"):
            run._timeout = 0.5
        run._timeout = LONG
        with pytest.raises(RuntimeError) as waiting, run.crash("after_sink"):
            run.process_all_available()
        run.start()
        assert BatchLog(Path(run.checkpoint or "")).last_begun == 0
        run.add_data(topic, SENT)
        run.check_answer(SENT)  # the crash is not set any more
        with pytest.raises(TypeError), run.crash("after_sink"):
            run.add_data(topic, 7)  # type: ignore[arg-type]
        run.start()
        run.add_data(topic, SENT[:1])
        run.check_answer([*SENT, SENT[0]])
    dying = queries.source(topic).selectExpr(
        "IF(CAST(value AS STRING) = 'x', raise_error('mine'), CAST(value AS STRING)) "
        "AS value"
    )
    with (
        pytest.raises(StreamingQueryException, match="mine"),
        kafka.run_stream(dying, sink, timeout=LONG) as dead,
        dead.crash("after_sink"),
    ):
        dead.add_data(topic, [("k", "x")])
    with (
        pytest.raises(WaitError) as alone,
        kafka.run_stream(rows, sink, timeout=LONG) as run,
    ):
        run.crash("after_sink")
    assert str(silent.value).splitlines()[:2] == [
        "The crash 'after_sink' did not happen: no batch began within 0.5 s.",
        "Send the records of the batch inside the block of crash(). What you send "
        "earlier is processed earlier.",
    ]
    assert str(waiting.value) == (
        "The query is stopped inside the block of crash(). Send the records to lose "
        "there. The batch runs when the block ends."
    )
    assert str(alone.value) == (
        "crash('after_sink') was called without a block, so no crash happened. Write "
        "`with run.crash('after_sink'):` and send the records to lose in it."
    )


def test_what_can_not_crash_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The memory sink, a mode without batches, a point that there is not, and one that
    is not to be had.
    """
    rows = upper(queries.source(topic))
    with kafka.run_stream(rows, timeout=LONG) as run:
        for step in (lambda: run.crash("after_sink"), run.replay_last_batch):
            with pytest.raises(TypeError) as memory:
                step()
            assert str(memory.value) == (
                "Spark's memory sink is lost with its query, so it can't show what a "
                "crash does to a sink. Run the stream into a topic: run_stream(df, "
                "topic=...)."
            )
    with kafka.run_stream(rows, sink, timeout=LONG) as run:
        with pytest.raises(ValueError, match="point") as unknown:
            run.crash("later")  # type: ignore[arg-type]
        with pytest.raises(TypeError) as driver:
            run.crash("driver")
        run.checkpoint = "s3a://bucket/checkpoint"
        with pytest.raises(ValueError, match="checkpoint") as elsewhere:
            run.replay_last_batch()
    continuous = {"continuous": "1 second"}
    with (
        kafka.run_stream(rows, sink, trigger=continuous, timeout=LONG) as run,
        pytest.raises(TypeError) as mode,
    ):
        run.crash("after_sink")
    assert str(mode.value) == (
        "The query runs in continuous mode, but a crash needs a micro-batch. Run it "
        "with a micro-batch trigger."
    )
    assert str(unknown.value) == (
        "Unknown point 'later'. Choose one of: before_sink, after_sink, in_task, "
        "driver."
    )
    assert str(driver.value) == (
        "The DataFrame belongs to the test's own Spark. Give a function that starts "
        "the job, follow(lambda spark: ...), whose crash('driver') runs it in its own "
        "process."
    )
    assert str(elsewhere.value) == (
        "checkpoint must be a folder on this machine, got 's3a://bucket/checkpoint'"
    )


@needs_jvm
def test_a_jobs_query_crashes_too(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Where its own function starts it; what needs its plan is refused."""

    def start() -> StreamingQuery:
        return queries.to_topic(upper(queries.source(topic)), sink)

    with kafka.follow(start, sink, timeout=LONG) as run:
        with run.crash("after_sink"):
            run.add_data(topic, SENT[:1])
        run.start()
        run.check_answer([SENT[0], SENT[0]])
        run.replay_last_batch()
        run.check_answer([SENT[0]] * 3)
        with pytest.raises(TypeError) as in_task:
            run.crash("in_task")
        with pytest.raises(TypeError) as driver:
            run.crash("driver")
        query = run.query
        with kafka.follow(query, sink, timeout=LONG) as given:
            with pytest.raises(TypeError, match="does not know how to start"):
                given.crash("after_sink")
            with pytest.raises(RuntimeError, match="does not know how to start"):
                given.replay_last_batch()
    named = queries.to_memory(queries.source(topic), "rows_of_memory")
    with (
        kafka.follow(named, timeout=LONG) as run,
        pytest.raises(TypeError, match=r"^Spark's memory sink is lost"),
    ):
        run.replay_last_batch()
    assert str(in_task.value) == (
        "The kit can't change the plan of a job's query to make its tasks fail. Run "
        "its DataFrame: run_stream(df, ...).crash('in_task')."
    )
    assert str(driver.value) == (
        "crash('driver') runs the job in its own process, with another session. Give "
        "follow() a function that takes the session, follow(lambda spark: ...)."
    )


@pytest.mark.skipif(not ON_CONNECT, reason="a classic session knows the checkpoint")
def test_a_jobs_query_by_spark_connect_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Its checkpoint is not known."""
    query = queries.to_topic(upper(queries.source(topic)), sink)
    with (
        kafka.follow(lambda: query, sink, timeout=LONG) as run,
        pytest.raises(TypeError) as caught,
    ):
        run.replay_last_batch()
    assert str(caught.value) == (
        "Over Spark Connect the kit can't find the checkpoint of a job's query. Use a "
        "classic session, or run_stream(df, ...)."
    )
