"""The test sends when an availableNow query has ended."""

FIRST = (
    "WaitError: Query ID has ended without having processed its topics up to their end."
)
SECOND = "A query that stops on its own (availableNow, once) reads up to the end that its topics had when it started. Send before that."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    kafka_utils.send_messages(source, [("a", "1")])
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger={"availableNow": True})
    run.query.awaitTermination()
    run.add_data(source, [("b", "2")])
    run.process_all_available()
