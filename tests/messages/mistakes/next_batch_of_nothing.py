"""A batch is run twice, and its data was sent once."""

FIRST = "WaitError: No batch was run: nothing was sent since the last one. Call add_data() first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink, trigger={"availableNow": True})
    run.batches(source, [("a", "1")])
    run.next_batch()
