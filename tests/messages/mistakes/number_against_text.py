"""A number is expected where the topic has its text."""

FIRST = "WaitError: The result was not the expected one and is final: its query has processed all that is in Kafka, and waits for data (N checks)."
SECOND = "The values are text. Give value_deserializer=int."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", 3)])
    run.check_answer({"a": 3})
