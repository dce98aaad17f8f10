"""The messages are values without keys."""

FIRST = "TypeError: messages must be (key, value) pairs or Records, but message 0 is '1'. For a value without a key, send (None, value)."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, ["1", "2"])
