"""How far queries are behind, and how they are all stopped."""

from __future__ import annotations

import re
import uuid

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import WaitError

from .conftest import Queries

TEN = [(n, n) for n in range(10)]


def test_lag_counts_per_topic_and_partition(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Nothing behind is 0; the slower of two sources counts."""
    other = f"{topic}-other"
    kafka.create_topics([topic, other])
    fast = queries.source(subscribePattern=f"{topic}.*")
    slow = queries.source(topic, minOffsetsPerTrigger="100", maxTriggerDelay="1h")
    both = fast.select("value").union(slow.select("value"))
    query = queries.to_memory(both, "behind")
    kafka.wait_until_processed(query)
    assert kafka.lag(query) == {topic: {0: 0}, other: {0: 0}}
    kafka.send_messages(other, TEN)
    kafka.wait_until_processed(query)
    kafka.send_messages(topic, TEN[:3])
    assert kafka.lag(query) == {topic: {0: 3}, other: {0: 0}}


@pytest.mark.parametrize("client", ["jvm", "kafka-python"])
@pytest.mark.parametrize(
    "pattern", ["{}", "{}-[ab]$", r"^(?=\p{{Alpha}}){}", "(?i){}-A|{}-b"]
)
def test_a_pattern_is_searched_in_each_name_as_spark_does(
    kafka: KafkaUtils,
    queries: Queries,
    topic: str,
    pattern: str,
    client: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Java regular expression that is found anywhere in the name, in Java's own
    syntax, whichever client moves the records.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", client)
    a, b = f"{topic}-a", f"{topic}-b"
    kafka.create_topics([a, b])
    escaped = re.escape(topic)
    source = queries.source(subscribePattern=pattern.format(escaped, escaped))
    query = queries.to_memory(source, f"by_pattern_{uuid.uuid4().hex}")
    kafka.send_messages(a, TEN)
    kafka.wait_until_processed(query)
    assert query.lastProgress is not None
    assert kafka.lag(query) == {a: {0: 0}, b: {0: 0}}
    kafka.send_messages(b, TEN)
    kafka.wait_until_processed(query)
    kafka.wait_until_processed(query, topic=b)
    assert queries.rows(query.name or "") == 20


def test_a_pattern_does_not_find_kafkas_own_topics(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """After a transaction there is one, which Spark does not read."""
    kafka.send_messages(topic, TEN, transactional=True)
    query = queries.to_memory(queries.source(subscribePattern=".*"), "of_all")
    kafka.wait_until_processed(query)
    topics = kafka.lag(query)
    assert topic in topics
    assert not [name for name in topics if name.startswith("__")]


def test_a_pattern_that_finds_nothing_is_an_error(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """To have waited for nothing is no success, and to be behind by nothing neither."""
    kafka.create_topics([topic])
    source = queries.source(subscribePattern=f"^{re.escape(topic)}-none$")
    query = queries.to_memory(source, "of_none")
    kafka.wait_for_query_alive(query)
    text = (
        f"Query 'of_none' ({query.id}) reads no topic: its subscribePattern "
        f"{'^' + re.escape(topic) + '-none$'!r} is found in no topic's name. There is "
        "nothing to wait for; create the topics first, or check the pattern (a Java "
        "regular expression)."
    )
    for wait in (kafka.wait_until_processed, kafka.lag):
        with pytest.raises(ValueError, match="reads no topic") as caught:
            wait(query)
        assert str(caught.value) == text


def test_lag_of_what_can_not_be_known(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """A query without progress yet, without progress ever, and a dead one."""
    sink = f"{topic}-sink"
    kafka.create_topics([topic, sink])
    query = queries.to_topic(queries.source(topic), sink, realTime="30 seconds")
    with pytest.raises(WaitError) as caught:
        kafka.lag(query)
    assert str(caught.value) == (
        f"Query {query.id} has made no progress yet: how far it is behind is not "
        "known. Call wait_for_query_alive(query) first."
    )
    query.stop()
    continuous = queries.source(topic).writeStream.format("console")
    query = continuous.trigger(continuous="1 second").start()
    kafka.wait_for_query_alive(query)  # before, Spark Connect shows no mode
    with pytest.raises(ValueError, match="Spark reports no progress of it"):
        kafka.lag(query)
    query.stop()
    dead = queries.to_memory(queries.source(f"{topic}-missing"), "lag_of_dead")
    with pytest.raises(StreamingQueryException):
        kafka.wait_for_query_alive(dead)
    with pytest.raises(StreamingQueryException):
        kafka.lag(dead)


def test_all_queries_are_stopped(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Then topics can go; without queries it does nothing."""
    kafka.create_topics([topic])
    for number in range(3):
        queries.to_memory(queries.source(topic), f"stopped_{number}")
    assert len(queries.spark.streams.active) == 3
    kafka.stop_queries(queries.spark)
    assert queries.spark.streams.active == []
    kafka.delete_topics([topic])
    kafka.stop_queries(queries.spark)


def test_a_query_that_does_not_stop_keeps_none_from_it(kafka: KafkaUtils) -> None:
    """The others are stopped, and it is named."""

    class Query:
        def __init__(self, name: str, error: Exception | None) -> None:
            self.name, self.id, self.error, self.isActive = name, "id", error, True

        def stop(self) -> None:
            if self.error is not None:
                raise self.error
            self.isActive = False

    class Session:
        pass

    session: object = Session()
    stuck = Query("stuck", TimeoutError("30 s"))
    other = Query("other", None)
    session.streams = Session()  # type: ignore[attr-defined]
    session.streams.active = [stuck, other]  # type: ignore[attr-defined]
    with pytest.raises(WaitError) as caught:
        kafka.stop_queries(session)  # type: ignore[arg-type]
    assert str(caught.value) == "Queries did not stop:\n  query 'stuck' (id): 30 s"
    assert not other.isActive
