"""A click within the hour counts; without one the impression comes out at the end."""

from __future__ import annotations

import pytest

from ads import outcomes
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def event(ad: str, clock: str) -> Record:
    return Record(ad, None, timestamp=at(clock))


# --8<-- [start:test]
@pytest.mark.kafka(topics=["impressions", "clicks", "outcomes"])
def test_clicks_find_their_impressions(
    kafka_topics: tuple[str, str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    impressions, clicks, sink = kafka_topics
    joined = outcomes(kafka_read_stream(impressions), kafka_read_stream(clicks))
    stream = kafka_stream(joined, sink)
    stream.add_data(impressions, [event("a", "09:00"), event("b", "09:00")])
    stream.add_data(clicks, [event("a", "09:02"), event("b", "10:30")])
    stream.check_answer({"a": "120"})
    stream.add_data(impressions, [event("later", "12:00")])
    stream.add_data(clicks, [event("nothing", "12:00")])
    stream.check_answer({"a": "120", "b": None})


# --8<-- [end:test]
