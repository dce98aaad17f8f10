"""Old and new payments come out alike, and one that is neither stops the job."""

from __future__ import annotations

from amounts import in_cents
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


# --8<-- [start:test]
def test_both_versions_come_out_alike(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    stream = kafka_stream(in_cents(kafka_read_stream(source)), sink)
    old, new = {"amount": 0.29}, {"price": {"cents": 80, "currency": "USD"}}
    stream.add_data(source, [("1", old), ("2", {**new, "note": "a gift"}), ("3", old)])
    euros, dollars = {"cents": 29, "currency": "EUR"}, new["price"]
    expected = {"1": euros, "2": dollars, "3": euros}
    stream.check_answer(expected, value_deserializer="JSON")
    stream.add_data(source, [("4", {"total": 5})])
    assert 'unknown version: {"total":5}' in str(stream.expect_failure())


# --8<-- [end:test]
