"""A payment may come before its order, and none is kept for ever."""

from __future__ import annotations

import pytest

from payments import paid_orders
from spark_kafka_testkit import Record, at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


def event(number: str, clock: str) -> Record:
    return Record(number, "card", timestamp=at(clock))


# --8<-- [start:test]
@pytest.mark.kafka(topics=["orders", "payments", "paid"])
def test_a_payment_waits_for_its_order_but_not_for_ever(
    kafka_topics: tuple[str, str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    orders, payments, paid = kafka_topics
    joined = paid_orders(kafka_read_stream(orders), kafka_read_stream(payments))
    stream = kafka_stream(joined, paid)
    stream.add_data(payments, [event("1", "09:10"), event("2", "09:05")])
    stream.check_answer([])
    stream.add_data(orders, [event("1", "09:00")])  # later than its payment
    stream.check_answer([("1", "card")])
    stream.add_data(orders, [event("later", "12:00")])
    stream.add_data(payments, [event("nothing", "12:00")])
    stream.check_state_bounded(rows=2)  # the two of 12:00
    stream.add_data(orders, [event("2", "09:00")])
    stream.check_late(dropped=1)
    stream.check_answer([("1", "card")])


# --8<-- [end:test]
