"""The check stands inside the block of the crash."""

FIRST = "WaitError: Wrong answer: missing ('a', '1')"
SECOND = "The query is stopped inside the block of crash(). The batch runs when the block ends. Check after the block."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    with run.crash("after_sink"):
        run.add_data(source, [("a", "1")])
        run.check_answer([("a", "1")])
