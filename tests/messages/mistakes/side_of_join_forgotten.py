"""The state of a join is that of its two sides."""

FIRST = 'TypeError: A join keeps rows of its two sides. Give the one to read: side="left" or side="right".'
SECOND = ""
SPARK = (4, 0)


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    one, two = (kafka_utils.read_stream(kafka_spark, name) for name in kafka_topics)
    run = kafka_stream(one.select("key").join(two.select("key"), "key"))
    run.add_data(kafka_topics[0], [("a", "1")])
    run.process_all_available()
    assert len(run.state()) == 1
