"""The job loses the keys, and a dict is expected."""

FIRST = "WaitError: Wrong answer: None: expected '1', last '2'"
SECOND = "2 records have no key, and a dict keeps only the last of them. Expect a list of (key, value) pairs."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("value"), sink)
    run.add_data(source, [("a", "1"), ("b", "2")])
    run.check_answer({None: "1"})
