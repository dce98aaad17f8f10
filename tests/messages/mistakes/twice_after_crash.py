"""The job writes to Kafka, and is to be exactly-once."""

FIRST = (
    "WaitError: Not exactly once: 'a' was written twice (partition 0, offsets 0 and 1)"
)
SECOND = "Kafka's sink is at-least-once: a batch that runs again is written again. Let readers drop duplicates by this key, or write with foreachBatch."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    with run.crash("after_sink"):
        run.add_data(source, [("a", "1")])
    run.start()
    run.check_exactly_once()
