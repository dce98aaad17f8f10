"""An argument has Spark's spelling."""

FIRST = (
    "TypeError: run_stream() has no argument 'outputMode'. Did you mean 'output_mode'?"
)
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    kafka_stream(rows.select("key", "value"), sink, outputMode="append")
