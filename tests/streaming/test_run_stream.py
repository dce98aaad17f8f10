"""A stream in a `with` block: its steps, its restart and its end."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils, Record, at, contains
from spark_kafka_testkit._jvm.spark_jvm import active_queries
from spark_kafka_testkit.errors import NotSetUpError, UnknownTopicError, WaitError
from tests.sessions import needs_jvm, needs_own_functions, needs_real_time

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LATEST = {"startingOffsets": "latest"}


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic has two partitions."""
    kafka.create_topics([topic], num_partitions=2)
    name = f"{topic}-sink"
    kafka.create_topics([name])
    return name


def upper(source: DataFrame) -> DataFrame:
    return source.selectExpr("key", "upper(CAST(value AS STRING)) AS value")


def test_a_stream_goes_on_after_a_restart(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It reads what was sent while it was stopped, once."""
    df = upper(queries.source(topic, **LATEST))
    with kafka.run_stream(df, sink) as stream:
        stream.add_data(topic, [("a", "x"), ("b", "y")])
        stream.check_answer({"a": "X", "b": "Y"})
        stream.stop()
        stream.add_data(topic, [("a", "z")])
        stream.check_answer([("b", "Y"), ("a", "X")])
        stream.start()
        stream.check_answer([("a", "X"), ("a", "Z"), ("b", "Y")])
        first = stream.query.runId
        stream.restart()
        assert stream.query.runId != first
        stream.check_answer({"a": "Z", "b": "Y"})
        checkpoint = Path(stream.checkpoint or "")
        assert checkpoint.is_dir()
    assert not stream.query.isActive
    assert not checkpoint.exists()


@needs_jvm
def test_spark_throws_nothing_while_a_stream_runs_well(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PySpark takes 25 ms to convert an exception from Java, as at the end of each loop
    over a Java collection.
    """
    from pyspark.errors.exceptions import captured

    convert = captured.convert_exception
    thrown: list[str] = []

    def noted(error: Any) -> Any:
        thrown.append("".join(traceback.format_stack(limit=12)))
        return convert(error)

    df = upper(queries.source(topic))
    monkeypatch.setattr(captured, "convert_exception", noted)
    clocked = {"clock": at("12:00"), "trigger": {"processingTime": "1 minute"}}
    for options in ({}, clocked):
        with kafka.run_stream(df, sink, **options) as stream:  # type: ignore[arg-type]
            stream.add_data(topic, [("a", "x")])
            if options:
                stream.next_batch()
            stream.check_answer(contains([("a", "X")]))
            assert [query.id for query in active_queries()] == [stream.query.id]
    assert thrown == []


def test_a_wrong_answer_is_shown(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The message has the difference, the topic and the query."""
    with kafka.run_stream(upper(queries.source(topic)), sink) as stream:
        stream.add_data(topic, [("a", "x")])
        stream.check_answer({"a": "X"})
        stream.stop()
        with pytest.raises(WaitError) as caught:
            stream.check_answer([("a", "x"), ("a", "X"), ("a", "X")])
    assert str(caught.value) == (
        "Wrong answer: missing ('a', 'x'), and 1 more\n"
        "  missing:    ('a', 'x')\n"
        "  missing:    ('a', 'X'): expected 2 times, found once\n"
        "  final after 1 check: its query has ended\n"
        f"  topic {sink!r} was read up to 1 (partition 0)\n"
        f"  query {stream.query.id}: ended, status 'Stopped'\n"
        f"  last progress: batch {stream.query.lastProgress['batchId']}, 1 input rows, "
        f"begun {stream.query.lastProgress['timestamp']}"
    )


def test_a_stream_may_run_into_the_memory_sink(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its rows are tuples, in any order.

    Only in complete mode can the stream be started again.
    """
    kafka.create_topics([topic])
    df = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    with kafka.run_stream(df) as stream:
        stream.add_data(topic, [("b", 1), ("a", 2)])
        stream.check_answer([("a",), ("b",)])
        stream.stop()
        with pytest.raises(RuntimeError) as caught:
            stream.start()
    assert str(caught.value) == (
        "Spark's memory sink can't continue from a checkpoint, except in complete "
        "mode. Run the stream into a topic: run_stream(df, topic=...)."
    )
    counts = df.groupBy("key").count()
    with kafka.run_stream(counts, output_mode="complete") as stream:
        stream.check_answer([("a", 1), ("b", 1)])
        stream.restart()
        stream.add_data(topic, [("a", 1)])
        stream.check_answer([("a", 2), ("b", 1)])


def test_rows_of_every_type_are_compared(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """They may be nested, null, NaN, or not hashable.

    They are compared as plain Python values, in any order, each as often as it occurs.
    """
    kafka.create_topics([topic])
    df = queries.source(topic).selectExpr(
        "IF(CAST(value AS STRING) = '1', NULL, NAMED_STRUCT('v', value)) AS s",
        "CAST('NaN' AS DOUBLE) AS n",
        "ARRAY(CAST(key AS STRING)) AS a",
        "MAP(CAST(key AS STRING), CAST(1.50 AS DECIMAL(5, 2))) AS m",
    )
    nan = float("nan")
    first, second = (None, nan, ["a"], {"a": 1.5}), ((b"2",), nan, ["b"], {"b": 1.5})
    with kafka.run_stream(df) as stream:
        stream.add_data(topic, [("a", 1), ("b", 2), ("b", 2)])
        stream.check_answer([first, second, second])
        stream.check_answer([second, first, ANY])
        stream.stop()
        with pytest.raises(WaitError) as caught:
            stream.check_answer([first, first, second])
        row = queries.spark.table(stream.table).where("s IS NOT NULL").first()
    assert str(caught.value).splitlines()[1:3] == [
        "  missing:    (None, nan, ['a'], {'a': 1.5}): expected 2 times, found once",
        f"  repeated:   {row!r}: expected once, found 2 times",
    ]


@needs_own_functions
def test_a_stream_may_run_into_a_function(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The function has seen everything when process_all_available returns.

    That also holds after a start from the checkpoint.
    """
    kafka.create_topics([topic])
    seen: list[str] = []

    def collect(df: DataFrame, batch: int) -> None:
        seen.extend(row.value for row in df.collect())

    df = upper(queries.source(topic))
    with kafka.run_stream(df, foreach_batch=collect) as stream:
        for sent in ("a", "b"):
            stream.add_data(topic, [("k", sent)])
            stream.process_all_available()
            stream.restart()
        assert seen == ["A", "B"]
        with pytest.raises(TypeError, match="what a foreachBatch function wrote"):
            stream.check_answer([])


@pytest.mark.parametrize(
    "options",
    [
        {"trigger": {"realTime": "30 seconds"}, "output_mode": "update"},
        {"trigger": {"continuous": "1 second"}},
        {"trigger": {"availableNow": True}},
    ],
    ids=["realTime", "continuous", "availableNow"],
)
def test_a_stream_takes_every_trigger(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str, options: dict[str, Any]
) -> None:
    """The steps also work without batches, and if the query ends on its own."""
    if "realTime" in options["trigger"]:
        needs_real_time()
    kafka.send_messages(topic, [("a", "x")])
    df = upper(queries.source(topic))
    with kafka.run_stream(df, sink, **options) as stream:
        stream.check_answer({"a": "X"})


def fails_on(value: str) -> Callable[[DataFrame], DataFrame]:
    """A transformation that kills the query when it meets a value."""
    condition = f"IF(CAST(value AS STRING) = '{value}', raise_error('met'), value)"
    return lambda source: source.selectExpr("key", f"{condition} AS value")


@contextmanager
def dead_stream(
    kafka: KafkaUtils, df: DataFrame, sink: str, topic: str
) -> Iterator[None]:
    """The block of a stream whose query has met `bad` and died."""
    with kafka.run_stream(df, sink) as stream:
        stream.add_data(topic, [("k", "bad")])
        kafka.assert_eventually(lambda: stream.query.isActive, False, interval=0.05)
        yield


def test_what_killed_the_query_is_raised_at_the_end(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """A test that never looks at the query fails too, unless it expects the failure."""
    df = queries.source(topic).transform(fails_on("bad"))
    with (
        pytest.raises(StreamingQueryException, match="met"),
        dead_stream(kafka, df, sink, topic),
    ):
        pass
    later = queries.source(topic, startingOffsets="latest")
    with kafka.run_stream(later.transform(fails_on("bad")), sink) as stream:
        stream.add_data(topic, [("k", "bad")])
        failure = stream.expect_failure()
        assert "met" in str(failure)


@needs_jvm
def test_a_stream_shows_what_killed_it(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It shows the line of the user's function."""

    def save(df: DataFrame, batch: int) -> None:
        raise KeyError("price")

    kafka.create_topics([topic])
    rows = queries.source(topic)
    with kafka.run_stream(rows, foreach_batch=save, timeout=900) as stream:
        stream.add_data(topic, [("k", "v")])
        stream.expect_failure()
    line = save.__code__.co_firstlineno + 1
    assert repr(stream).splitlines()[-1] == (
        f"  exception: KeyError: 'price' (in save, test_run_stream.py:{line}: "
        'raise KeyError("price"))>'
    )


def test_the_tests_own_error_is_raised_before_that_of_the_query(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    sink: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What killed the query is logged."""
    df = queries.source(topic).transform(fails_on("bad"))
    with (
        caplog.at_level("WARNING"),
        pytest.raises(KeyError, match="mine"),
        dead_stream(kafka, df, sink, topic),
    ):
        raise KeyError("mine")
    assert "met" in caplog.text


def test_a_failure_that_does_not_come_is_reported(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """The query is still running. The message says so before the timeout."""
    with kafka.run_stream(upper(queries.source(topic)), sink, timeout=900) as stream:
        with pytest.raises(WaitError) as caught:
            stream.expect_failure()
        assert str(caught.value).startswith(
            f"Query {stream.query.id} did not fail, and that is final: its query has "
            "processed all that is in Kafka, and waits for data.\n"
            f"  query {stream.query.id}: active, status "
        )


def test_a_query_that_does_not_start_leaves_nothing(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It leaves neither a query nor a checkpoint."""
    df = upper(queries.source(topic, **{"kafka.security.protocol": "none"}))
    stream = kafka.run_stream(df, sink)
    with pytest.raises(StreamingQueryException, match=r"security.protocol"), stream:
        pytest.fail("it is not alive")
    assert not Path(stream.checkpoint or "").exists()
    assert queries.spark.streams.active == []


def test_a_missing_sink_topic_is_reported_at_once(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Spark would look for it for a minute.

    So are a missing source topic, and columns that Kafka's sink does not accept.
    """
    kafka.create_topics([topic])
    stream = kafka.run_stream(queries.source(topic), "nowhere")
    with pytest.raises(UnknownTopicError) as caught, stream:
        pytest.fail("it has no sink")
    assert str(caught.value) == (
        "The stream writes to topic 'nowhere', which does not exist. Check the name, "
        "or call create_topics(['nowhere']) first."
    )
    stream = kafka.run_stream(queries.source(f"nowhere, {topic}"), topic)
    with pytest.raises(UnknownTopicError) as caught, stream:
        pytest.fail("it has no source")
    assert str(caught.value).startswith("The stream reads topic 'nowhere', which ")
    stream = kafka.run_stream(queries.source(topic).select("key"), topic)
    with (
        pytest.raises(ValueError, match=r"^A Kafka sink needs a column 'value'"),
        stream,
    ):
        pytest.fail("it has no value")


def test_a_teardown_in_its_block_stops_the_stream_first(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """A query that has lost its broker can't be stopped for half a minute."""
    df = upper(queries.source(topic, **LATEST))
    own = KafkaUtils(bootstrap_servers=kafka.broker)
    with own, own.run_stream(df, sink) as stream:
        own.teardown()
        assert not stream.query.isActive
        with pytest.raises(NotSetUpError):
            stream.process_all_available()


def test_a_given_checkpoint_is_not_removed(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str, tmp_path: Path
) -> None:
    """A second run continues from it."""
    folder = str(tmp_path / "own")
    df = upper(queries.source(topic))
    for sent in ("x", "y"):
        with kafka.run_stream(df, sink, checkpoint=folder) as stream:
            stream.add_data(topic, [("k", sent)])
            stream.process_all_available()
    assert sorted(record.value for record in kafka.read_records(sink)) == ["X", "Y"]


def test_wrong_arguments_of_a_stream_are_refused(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """That happens before anything is started."""
    df = queries.spark.readStream.format("rate").load()
    with pytest.raises(
        ValueError, match="Give only one of: a sink topic, a foreach_batch"
    ):
        kafka.run_stream(df, topic, foreach_batch=lambda df, batch: None)
    with pytest.raises(ValueError, match="batch DataFrame"):
        kafka.run_stream(queries.spark.range(1))
    with pytest.raises(TypeError, match="must be a DataFrame, not str"):
        kafka.run_stream(topic)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="not been started"):
        kafka.run_stream(df).query  # noqa: B018


@needs_jvm
def test_a_sink_topic_is_made_again_with_fewer_partitions(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Tests that reuse a topic name do that.

    Spark keeps its producer for ten minutes. It would wait for a partition that no
    longer exists.
    """
    sink = f"{topic}-sink"
    kafka.create_topics([topic])
    for partitions in (8, 1):
        kafka.create_topics([sink], partitions)
        with kafka.run_stream(upper(queries.source(topic)), sink, timeout=900) as run:
            run.add_data(topic, [(str(key), "v") for key in range(32)])
            run.check_contains({str(key): "V" for key in range(32)})
        kafka.delete_topics([sink])


def test_records_are_compared_by_what_they_say(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """By partition, offset, timestamp and headers, as far as they are given."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink], 2)
    rows = queries.source(topic, includeHeaders="true")
    sent = [
        Record("a", "1", partition=0, headers=[("trace", "7"), ("n", b"\x00")]),
        Record("b", "2", partition=1, timestamp=at("09:05")),
    ]
    columns = "key", "value", "partition", "headers"
    with kafka.run_stream(rows.select(*columns), sink, timeout=900) as run:
        run.add_data(topic, sent)
        run.check_answer([Record("b", "2", partition=1), Record("a", "1", partition=0)])
        run.check_answer([Record("a", "1", offset=0), Record("b", "2", offset=0)])
        run.check_answer([Record("a", "1"), Record("b", "2")])
        headers: Any = {"trace": "7", "n": b"\x00"}
        run.check_contains([Record("a", ANY, headers=headers)])
        with pytest.raises(WaitError) as caught:
            run.check_answer(
                [Record("a", "1", partition=1), Record("b", "2", partition=1)]
            )
        assert str(caught.value).startswith(
            "Wrong answer: 'a'.partition: expected 1, last 0\n"
        )
        for mixed in (
            [Record("a", "1", partition=0), Record("b", "2")],
            [Record("a", "1", partition=0), ("b", "2")],
        ):
            with pytest.raises(ValueError, match="Records with different parts, or p"):
                run.check_answer(mixed)
