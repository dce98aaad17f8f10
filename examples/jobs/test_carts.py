"""A cart that was left is told once; one that was paid is not, nor is one of a user who
is still busy.
"""

from __future__ import annotations

from carts import reminders
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def event(clock: str, user: str, item: str) -> Record:
    return Record(user, item, timestamp=at(clock))


# --8<-- [start:test]
def test_a_cart_that_was_left_is_told(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(reminders(kafka_read_stream(source)), sink)
    puts = [event("09:00", "ann", "tea"), event("09:00", "bob", "rum")]
    stream.add_data(source, [*puts, event("09:20", "eve", "gin")])
    stream.add_data(source, [event("09:12", "bob", "paid")])
    stream.check_answer([])
    stream.restart()
    puts = [event("09:15", "ann", "cup"), event("09:59", "eve", "ice")]
    stream.add_data(source, puts)
    stream.check_answer([("ann", "tea,cup")])


# --8<-- [end:test]
