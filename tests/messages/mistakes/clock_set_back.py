"""The clock of a stream is set to an earlier time."""

from spark_kafka_testkit import at

FIRST = "ValueError: The clock can't go back: it stands at 2026-01-01 10:00:00, but advance_to() got 2026-01-01 09:30:00. Give a later time."
SECOND = ""
MINUTES = {"processingTime": "1 minute"}


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger=MINUTES, clock=at("09:00"))
    run.advance("1 hour")
    run.advance_to(at("09:30"))
