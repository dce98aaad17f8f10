"""A record was sent twice."""

FIRST = "WaitError: Wrong answer: repeated ('a', '1'): expected once, found 2 times"
SECOND = "final after N checks: its query has processed all that is in Kafka, and waits for data"


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", "1"), ("b", "2"), ("a", "1")])
    run.check_answer([("a", "1"), ("b", "2")])
