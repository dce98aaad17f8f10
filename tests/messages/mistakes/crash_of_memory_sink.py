"""A stream into memory is to crash."""

FIRST = "TypeError: Spark's memory sink is lost with its query, so it can't show what a crash does to a sink. Run the stream into a topic: run_stream(df, topic=...)."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    run = kafka_stream(kafka_utils.read_stream(kafka_spark, kafka_topic))
    with run.crash("after_sink"):
        run.add_data(kafka_topic, [("a", "1")])
