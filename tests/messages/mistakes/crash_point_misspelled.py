"""There is no such place to crash."""

FIRST = "ValueError: Unknown point 'after_commit'. Choose one of: before_sink, after_sink, in_task, driver."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    with run.crash("after_commit"):
        run.add_data(source, [("a", "1")])
