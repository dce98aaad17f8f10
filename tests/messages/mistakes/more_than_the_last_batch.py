"""The last batch is to have written what the one before it wrote."""

FIRST = "WaitError: Wrong answer: missing ('a', '1')"
SECOND = "What is missing came earlier, and this check looks only at what is new. Check all that came with check_answer()."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger={"availableNow": True})
    run.batches(source, [("a", "1")], [("b", "2")])
    run.check_last_batch([("a", "1"), ("b", "2")])
