"""What goes to the sink topic is not text."""

FIRST = "ValueError: A Kafka sink accepts text or binary, but the column 'value' is struct<key:binary>. Select to_json(value) AS value."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    kafka_stream(rows.selectExpr("key", "struct(key) AS value"), sink)
