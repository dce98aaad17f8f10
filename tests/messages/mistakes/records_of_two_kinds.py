"""One of the records that are expected has a partition, another has none."""

from spark_kafka_testkit import Record

FIRST = "ValueError: expected has Records with different parts, or pairs beside them. Give all of them a partition, for example, or none"
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "1")])
    run.check_answer([Record("a", "1", partition=0), Record("b", "2")])
