"""What goes to the sink topic has no column `value`."""

FIRST = "ValueError: A Kafka sink needs a column 'value', but this has k, v. Select it: df.selectExpr('... AS key', '... AS value')."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    kafka_stream(rows.selectExpr("key AS k", "value AS v"), sink)
