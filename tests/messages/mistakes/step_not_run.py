"""A stream in steps is checked before its step."""

FIRST = "WaitError: Wrong answer: missing ('a', '1')"
SECOND = "The query has ended, and 1 record came later. Run it again: next_batch(), if it runs in steps, or start()."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger={"availableNow": True})
    run.add_data(source, [("a", "1")])
    run.check_answer([("a", "1")])
