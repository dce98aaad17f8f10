"""JSON is expected as a text with other spaces."""

FIRST = """WaitError: Wrong answer: 'a': expected '{"id": 7}', last '{"id":7}'"""
SECOND = 'The values are equal as JSON. Give value_deserializer="JSON", and expect dicts or lists.'


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", {"id": 7})])
    run.check_answer({"a": '{"id": 7}'})
