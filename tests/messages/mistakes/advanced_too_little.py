"""The clock stops before the next trigger."""

from spark_kafka_testkit import at

FIRST = "WaitError: Wrong answer: missing 'a': '1'"
SECOND = "The query runs on the test's clock, which has not let it run since its start: it shows 2026-01-01 09:00:30, and the next trigger is due at 2026-01-01 09:01:00. Call next_batch() or advance() further."
MINUTES = {"processingTime": "1 minute"}


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger=MINUTES, clock=at("09:00"))
    run.add_data(source, [("a", "1")])
    run.advance("30 seconds")
    run.check_answer({"a": "1"})
