"""The query has no state."""

FIRST = "ValueError: The query has no stateful operator. It takes one of groupBy(), dropDuplicates(), a join of two streams, or a function with state."
SECOND = ""
SPARK = (4, 0)


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "1")])
    run.process_all_available()
    assert run.state() == []
