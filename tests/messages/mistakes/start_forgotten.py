"""The writer was not started."""

FIRST = "TypeError: query must be a StreamingQuery, not DataStreamWriter. Is .start() missing?"
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    query = rows.writeStream.format("memory").queryName("forgotten")
    kafka_utils.wait_until_processed(query)
