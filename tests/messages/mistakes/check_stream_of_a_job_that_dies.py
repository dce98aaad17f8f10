"""The job can't bear one of the records."""

from pyspark.sql.functions import udf

FIRST = (
    "StreamingQueryException: ValueError: invalid literal for int() with base 10: b'x'"
)
SECOND = "in parse, check_stream_of_a_job_that_dies.py:LINE: return int(value)"


def parse(value):
    return int(value)


def prices(orders):
    return orders.select("key", udf(parse, "int")("value").alias("price"))


def test_mistake(kafka_check_stream):
    kafka_check_stream(prices, {"orders": [("a", "1"), ("b", "x")]})
