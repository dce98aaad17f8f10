"""A visit comes out when the watermark has passed its end."""

from __future__ import annotations

from sessions import visits
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def view(user: str, clock: str) -> Record:
    return Record(user, None, timestamp=at(clock))


# --8<-- [start:test]
def test_a_visit_ends_after_half_an_hour_of_silence(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(visits(kafka_read_stream(source)), sink)
    stream.add_data(source, [view("ann", "09:00"), view("bob", "09:05")])
    stream.add_data(source, [view("ann", "09:20")])
    stream.check_answer([])
    stream.add_data(source, [view("ann", "10:10")])
    ann, bob = {"pages": 2, "minutes": 20}, {"pages": 1, "minutes": 0}
    stream.check_answer([("ann", ann), ("bob", bob)], value_deserializer="JSON")


# --8<-- [end:test]
