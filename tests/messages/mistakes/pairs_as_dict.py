"""The messages are a dict."""

FIRST = "TypeError: messages must be a list of (key, value) pairs or Records, or a table, not dict (give its items())"
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, {"a": "1"})
