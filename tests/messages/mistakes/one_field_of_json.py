"""One field of a nested value is another."""

FIRST = "WaitError: Wrong answer: 'a'.lines[1].n: expected 2, last 1"
SECOND = "final after N checks: its query has processed all that is in Kafka, and waits for data"


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    order = {"id": 7, "lines": [{"n": 1}, {"n": 1}]}
    run.add_data(source, [("a", order)])
    expected = {"id": 7, "lines": [{"n": 1}, {"n": 2}]}
    run.check_answer({"a": expected}, value_deserializer="JSON")
