"""A reading counts once, also across a restart, and its id is forgotten in the end."""

from __future__ import annotations

from duplicates import once
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def reading(clock: str, number: int, day: str = "2026-01-01") -> Record:
    return Record("meter", {"id": number}, timestamp=at(clock, day))


# --8<-- [start:test]
def test_a_reading_that_comes_again_is_dropped(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(once(kafka_read_stream(source)), sink)
    stream.add_data(source, [reading("09:00", 1), reading("09:00", 2)])
    both = [("meter", {"id": 1}), ("meter", {"id": 2})]
    stream.check_answer(both, value_deserializer="JSON")
    stream.restart()
    stream.add_data(source, [reading("09:01", 1), reading("20:00", 2)])
    stream.check_nothing_new()
    stream.add_data(source, [reading("10:00", 3, day="2026-01-03")])
    stream.check_state_bounded(rows=1)  # the first two ids are forgotten


# --8<-- [end:test]
