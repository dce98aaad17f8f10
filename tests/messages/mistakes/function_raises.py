"""The job's Python function raises."""

from pyspark.sql.functions import udf

FIRST = (
    "StreamingQueryException: ValueError: invalid literal for int() with base 10: b'x'"
)
SECOND = "in parse, function_raises.py:LINE: return int(value)"


def parse(value):
    return int(value)


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    run = kafka_stream(rows.select(udf(parse, "int")("value")))
    run.add_data(kafka_topic, [("a", "x")])
    run.check_answer([(1,)])
