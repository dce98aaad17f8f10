"""follow: the steps of run_stream for a query that a job starts itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils, WaitError
from spark_kafka_testkit.errors import UnknownTopicError
from tests.sessions import needs_jvm

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery


@pytest.fixture
def sink(kafka: KafkaUtils, topic: str) -> str:
    """The name of a new sink topic. The source topic is created too."""
    kafka.create_topics([topic, f"{topic}-sink"])
    return f"{topic}-sink"


def test_a_jobs_query_has_the_steps_of_a_stream(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It is alive when the block begins, and is stopped when the block ends.

    It restarts from its own checkpoint.
    """

    def job() -> StreamingQuery:
        df = queries.source(topic).selectExpr(
            "key", "upper(CAST(value AS STRING)) value"
        )
        return queries.to_topic(df, sink)

    with kafka.follow(job, sink) as run:
        run.add_data(topic, [("a", "x")])
        run.check_answer({"a": "X"})
        first = run.query
        run.restart()
        assert run.query.runId != first.runId
        assert run.query.id == first.id
        run.add_data(topic, [("b", "y")])
        run.check_answer([("a", "X"), ("b", "Y")])
        with pytest.raises(WaitError, match="\n  final after "):
            run.check_answer({"a": "Z"})
        with pytest.raises(RuntimeError, match="is already running"):
            run.start()
    assert not run.query.isActive


def test_what_the_sink_held_before_is_not_new(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """A run looks at what came since it began, also where it starts the query."""

    def job() -> StreamingQuery:
        return queries.to_topic(queries.source(topic), sink)

    with kafka.follow(job, sink) as run:
        run.add_data(topic, [("a", "x")])
        run.check_new_answer([("a", "x")])
    with kafka.follow(job, sink) as run:
        run.check_new_answer([])
        run.add_data(topic, [("b", "y")])
        run.check_new_answer([("b", "y")])
        run.check_exactly_once()


def test_a_query_that_was_given_can_not_start_again(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """An attempt to restart it does not stop it. All other steps work."""
    query = queries.to_topic(queries.source(topic), sink)
    with kafka.follow(query, sink) as run:
        run.add_data(topic, [("a", "x")])
        run.check_answer({"a": "x"})
        with pytest.raises(RuntimeError) as caught:
            run.restart()
        assert query.isActive
        run.stop()
        with pytest.raises(RuntimeError):
            run.start()
        run.check_answer({"a": "x"})
    assert str(caught.value) == (
        "The kit does not know how to start the query. Give follow() the function that "
        "starts it, instead of the query."
    )


def test_a_memory_sink_is_known_by_the_querys_name(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Any other sink that is not a topic is unknown."""
    kafka.create_topics([topic])
    df = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    with kafka.follow(queries.to_memory(df, "followed")) as run:
        run.add_data(topic, [("a", 1)])
        run.check_answer([("a",)])
        run.check_answer([{"key": "a"}])
    console = df.writeStream.format("console").start()
    with (
        pytest.raises(TypeError, match=r"Name its topic, follow\(query, topic\)"),
        kafka.follow(console) as run,
    ):
        run.check_answer([])


def test_what_killed_a_jobs_query_is_raised(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    logged: Callable[[], list[str]],
) -> None:
    """It is raised once, at the end of the block, unless the test expected it."""
    kafka.create_topics([topic])

    def job(starting: str) -> StreamingQuery:
        source = queries.failing(topic, startingOffsets=starting)
        return queries.to_memory(source, "followed_to_death")

    kafka.send_messages(topic, [("a", 1)])
    with (
        pytest.raises(StreamingQueryException, match="as the test wants it"),
        kafka.follow(lambda: job("earliest")) as run,
    ):
        run.query.awaitTermination()
    assert not logged(), "the test has been told"
    with kafka.follow(lambda: job("latest")) as run:
        run.add_data(topic, [("a", 1)])
        assert "as the test wants it" in str(run.expect_failure())


@needs_jvm
def test_a_job_that_ends_on_its_own_starts_again(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """It starts after its end, which the test need not wait for."""

    def job() -> StreamingQuery:
        return queries.to_topic(queries.source(topic), sink, availableNow=True)

    with kafka.follow(job, sink) as run:
        for number in range(3):
            run.add_data(topic, [(f"{number}", "x")])
            run.start()
        run.check_answer([("0", "x"), ("1", "x"), ("2", "x")])


@needs_jvm
def test_a_sink_topic_that_does_not_exist_is_named_at_once(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """That is at the beginning of the block, or later if it was deleted meanwhile."""
    kafka.create_topics([topic])
    sink = f"{topic}-sink"
    query = queries.to_topic(queries.source(topic), sink)
    text = (
        f"Query {query.id} writes to topic {sink!r}, which does not exist. Did you "
        f"mean {topic!r}? If not, call create_topics([{sink!r}]) first."
    )
    with pytest.raises(UnknownTopicError) as caught, kafka.follow(query, sink):
        pytest.fail("it can't run")
    assert str(caught.value) == text
    assert caught.value.topic == sink
    kafka.create_topics([sink])
    with kafka.follow(lambda: queries.to_topic(queries.source(topic), sink)) as run:
        run.process_all_available()
        kafka.delete_topics([sink])
        run.add_data(topic, [("a", "x")])
        with pytest.raises(UnknownTopicError) as caught:
            run.process_all_available()
    assert str(caught.value) == text


@needs_jvm
def test_a_job_may_have_a_session_of_its_own(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Its tables are looked up there, whichever session is active."""
    kafka.create_topics([topic])
    queries.spark = queries.spark.newSession()
    df = queries.source(topic).selectExpr("CAST(key AS STRING) AS key")
    with kafka.follow(queries.to_memory(df, "in_its_own")) as run:
        run.add_data(topic, [("a", 1)])
        run.check_answer([("a",)])
        run.check_nothing_new()


@needs_jvm
def test_a_topic_that_the_job_does_not_read_is_refused(
    kafka: KafkaUtils, queries: Queries, topic: str, sink: str
) -> None:
    """Its plan shows what it reads.

    If it reads several topics, the message suggests a similar one.
    """
    text = (
        "Topic '%s' is not a source of the stream, which reads %s. %sSend to another "
        "topic with send_messages()."
    )
    with kafka.follow(queries.to_topic(queries.source(topic), sink), sink) as run:
        for name in ("elsewhere", f"{topic}s"):
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                run.add_data(name, [("a", 1)])
            assert str(caught.value) == text % (name, repr(topic), "")
    both = queries.source(f"{topic},{sink}")
    with kafka.follow(queries.to_memory(both, "of_both"), answer=list) as run:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            run.add_data(f"{topic}x", [("a", 1)])
        meant = f"Did you mean {topic!r}? "
        names = f"{topic!r}, {sink!r}"
        assert str(caught.value) == text % (f"{topic}x", names, meant)


def test_what_is_no_query_is_refused(kafka: KafkaUtils, queries: Queries) -> None:
    """It may be a writer, or a function without a `return`."""
    writer = queries.spark.readStream.format("rate").load().writeStream
    with pytest.raises(TypeError) as caught:
        kafka.follow(writer)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "query must be a StreamingQuery, not DataStreamWriter. Is .start() missing?"
    )
    with pytest.raises(TypeError) as caught, kafka.follow(lambda: None):  # type: ignore[arg-type,return-value]
        pytest.fail("nothing was started")
    assert str(caught.value) == (
        "The function that starts the query returned nothing. Is return missing?"
    )


def test_of_several_queries_one_is_followed(
    kafka: KafkaUtils, queries: Queries
) -> None:
    """A job may start two queries and return both.

    The message says what to return, and how to wait for the other one.
    """
    rate = queries.spark.readStream.format("rate").load()
    both = [queries.to_memory(rate, "a"), queries.to_memory(rate, "b")]
    why = (
        "must be one StreamingQuery, not a %s. follow() follows one query: %s the one "
        "to follow, and wait for the others with wait_until_processed(a, b)."
    )
    with pytest.raises(TypeError) as caught:
        kafka.follow(tuple(both))  # type: ignore[arg-type]
    assert str(caught.value) == f"query {why % ('tuple', 'give')}"
    with pytest.raises(TypeError) as caught, kafka.follow(lambda: both):  # type: ignore[arg-type,return-value]
        pytest.fail("nothing was started")
    assert str(caught.value) == (
        f"the result of the function {why % ('list', 'return')}"
    )
