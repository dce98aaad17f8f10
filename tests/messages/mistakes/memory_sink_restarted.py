"""A memory sink is started again."""

FIRST = "RuntimeError: Spark's memory sink can't continue from a checkpoint, except in complete mode. Run the stream into a topic: run_stream(df, topic=...)."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    run = kafka_stream(kafka_utils.read_stream(kafka_spark, kafka_topic))
    run.restart()
