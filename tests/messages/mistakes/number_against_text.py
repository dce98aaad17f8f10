"""A number is expected where the topic has its text."""

FIRST = "WaitError: Wrong answer: 'a': expected 3, last '3'"
SECOND = "The values are text. Give value_deserializer=int."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", 3)])
    run.check_answer({"a": 3})
