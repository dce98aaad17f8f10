"""The values alone are expected."""

FIRST = "TypeError: expected[0] must be a (key, value) pair, not '1'. For the values alone, give a function: lambda pairs: ..."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    run = kafka_stream(rows.select("key", "value"), sink)
    run.add_data(source, [("a", "1")])
    run.check_answer(["1"])
