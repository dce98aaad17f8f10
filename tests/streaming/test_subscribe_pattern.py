"""Waits for a query that subscribes to a pattern.

They cover the topics that Spark finds with the pattern.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._queries import patterns as _patterns
from tests.sessions import settings

from .conftest import Queries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TEN = [(n, n) for n in range(10)]


def by_patterns(queries: Queries, *patterns: str) -> DataFrame:
    """The values in the topics that each pattern finds."""
    parts = [
        queries.source(subscribePattern=pattern).select("value") for pattern in patterns
    ]
    return reduce(lambda one, other: one.union(other), parts)


def test_a_pattern_is_looked_for_anywhere_in_a_name(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """It may use any of Java's syntax. Topics that are created later are found too."""
    patterns = [
        topic,
        rf"\Q{topic}\E-\p{{Alpha}}++",
        rf"(?i)^{topic.upper()}-(?<where>eu|us)$",
        f"nothing, else|{topic}-[e[u]]",
        f"(?x) {topic}  # [a name]\n -",
    ]
    first, later = f"{topic}-eu", f"{topic}-us"
    kafka.create_topics([first])
    kafka.send_messages(first, TEN)
    query = queries.to_memory(by_patterns(queries, *patterns), "anywhere")
    kafka.wait_until_processed(query)
    assert queries.rows("anywhere") == 50
    kafka.create_topics([later])
    kafka.send_messages(later, TEN)
    kafka.wait_until_processed(query)
    assert queries.rows("anywhere") == 100
    kafka.wait_until_processed(query, later)
    assert kafka.lag(query) == {first: {0: 0}, later: {0: 0}}


def test_no_pattern_finds_an_internal_topic(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """Spark reads none, so the kit waits for none."""
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN, transactional=True)
    internal = "__transaction_state"
    assert internal in kafka.admin_client.list_topics()
    query = queries.to_memory(by_patterns(queries, f"{topic}|__.*"), "no_internal")
    kafka.wait_until_processed(query)
    assert queries.rows("no_internal") == 10
    assert kafka.lag(query) == {topic: {0: 0}}
    with pytest.raises(ValueError, match="does not read") as caught:
        kafka.wait_until_processed(query, internal)
    assert str(caught.value) == (
        f"Query 'no_internal' ({query.id}) does not read topic {internal!r}. It reads "
        f"{topic!r}."
    )


def test_a_pattern_that_finds_no_topic_is_an_error(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """There is nothing to wait for, and so nothing that could have been processed."""
    query = queries.to_memory(by_patterns(queries, topic), "no_topic")
    kafka.wait_for_query_alive(query)
    kafka.assert_eventually(lambda: query.lastProgress is not None, True)
    for call in (kafka.wait_until_processed, kafka.lag):
        with pytest.raises(ValueError, match="reads nothing") as caught:
            call(query)
        assert str(caught.value) == (
            f"Query 'no_topic' ({query.id}) reads nothing that exists: its source is "
            f"SubscribePattern[{topic}]. Create the topic before you wait for it. A "
            "pattern is a Java regular expression that matches anywhere in a name, and "
            "finds no internal topics."
        )
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    kafka.wait_until_processed(query)
    assert queries.rows("no_topic") == 10


def test_a_topic_that_was_deleted_is_not_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """The query has read it before, but there is nothing left to read.

    It rests while the topic is deleted. A query that asks Kafka for its offsets at that
    moment gets no answer for a minute (Kafka's `default.api.timeout.ms`).
    """
    stays, goes, sink = f"{topic}-stays", f"{topic}-goes", f"sink-of-{topic[-8:]}"
    kafka.create_topics([stays, goes, sink])
    kafka.send_messages(goes, TEN)
    source = queries.source(subscribePattern=topic, failOnDataLoss="false")
    first = queries.to_topic(source, sink)
    kafka.wait_until_processed(first)
    first.stop()
    kafka.delete_topics([goes])
    kafka.send_messages(stays, TEN)
    query = queries.to_topic(source, sink)
    kafka.wait_until_processed(query)
    assert len(kafka.read_records(sink)) == 20
    assert kafka.lag(query) == {stays: {0: 0}}


def test_a_query_that_subscribes_by_a_consumer_is_waited_for(
    kafka: KafkaUtils, queries: Queries, topic: str
) -> None:
    """With Spark's old way to fetch offsets, the pattern must match the whole name."""
    whole, longer = topic, f"{topic}-longer"
    kafka.create_topics([whole, longer])
    kafka.send_messages(whole, TEN)
    kafka.send_messages(longer, TEN)
    setting = "spark.sql.streaming.kafka.useDeprecatedOffsetFetching"
    with settings(queries.spark, {setting: "true"}):
        query = queries.to_memory(by_patterns(queries, topic), "by_consumer")
        kafka.wait_until_processed(query)
    assert queries.rows("by_consumer") == 10


def test_a_pattern_that_nobody_in_reach_can_read_is_an_error(
    kafka: KafkaUtils, queries: Queries, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait for all of its topics would prove nothing, as they are not known.

    A wait for a topic by name ends when the query has read that topic.
    """
    monkeypatch.setattr(
        _patterns, "gateway_in_reach", lambda: (None, "as the test says")
    )
    pattern = rf"\Q{topic}"
    kafka.create_topics([topic])
    kafka.send_messages(topic, TEN)
    query = queries.to_memory(by_patterns(queries, pattern), "not_read")
    kafka.wait_until_processed(query, topic)
    assert queries.rows("not_read") == 10
    for call in (kafka.wait_until_processed, kafka.lag):
        with pytest.raises(ValueError, match="the kit can't resolve") as caught:
            call(query)
        assert str(caught.value) == (
            f"Query 'not_read' ({query.id}) reads the topics of its pattern "
            f"{pattern!r}, which the kit can't resolve: no JVM is in reach (as the "
            "test says), and Python can't read it: bad escape \\Q at position 0. Name "
            "the topic: wait_until_processed(query, topic)."
        )
