"""The top is that of the whole hour, not of a batch."""

from __future__ import annotations

from bestsellers import bestsellers
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def sale(clock: str, item: str, pieces: int) -> Record:
    return Record(item, pieces, timestamp=at(clock))


# --8<-- [start:test]
def test_the_top_is_that_of_the_whole_hour(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(bestsellers(kafka_read_stream(source), 2), sink)
    stream.add_data(source, [sale("09:05", "tea", 5), sale("09:10", "rum", 4)])
    stream.process_all_available()
    stream.add_data(source, [sale("09:50", "gin", 3), sale("09:55", "gin", 3)])
    stream.add_data(source, [sale("09:58", "ale", 5), sale("10:02", "ale", 9)])
    stream.check_answer([])  # the hour is not over
    stream.add_data(source, [sale("10:15", "rum", 1)])
    nine = {"2026-01-01 09:00": ["gin", "ale"]}  # ale before tea: as many, by name
    stream.check_answer(nine, value_deserializer="JSON")


# --8<-- [end:test]
