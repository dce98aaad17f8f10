"""After a crash, Kafka's sink is to have each record once."""

FIRST = "WaitError: Wrong answer: repeated ('a', '1'): expected once, found 2 times"
SECOND = "A batch ran again, and Kafka's sink wrote it again. Expect a dict, the last value of each key, or let the job drop duplicates."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    with run.crash("after_sink"):
        run.add_data(source, [("a", "1")])
    run.start()
    run.check_answer([("a", "1")])
