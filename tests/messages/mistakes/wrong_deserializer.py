"""The values are not what the deserializer takes."""

FIRST = "DeserializationError: The value of topic 'TOPIC', partition 0, offset 0 does not decode as JSON: Expecting value: line 1 column 1 (char 0). It is b'x'. Give another value_deserializer."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", "x")])
    run.check_answer({"a": "x"}, value_deserializer="JSON")
