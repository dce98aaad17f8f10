"""A stream without a clock is to advance."""

FIRST = 'TypeError: advance() is for a stream with a clock: run_stream(..., trigger={"processingTime": "1 minute"}, clock="2026-01-01T09:00").'
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger={"processingTime": "1 minute"})
    run.add_data(source, [("a", "1")])
    run.advance("1 minute")
