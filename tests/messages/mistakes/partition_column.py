"""The source's column `partition` goes to a sink with fewer partitions."""

FIRST = "ValueError: The DataFrame has the source's column 'partition', which Kafka's sink obeys: 'TOPIC' has 3 partitions, but 'TOPIC' has 1. Select only key and value."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic_factory):
    source, sink = kafka_topic_factory("in", 3), kafka_topic_factory("out")
    kafka_stream(kafka_utils.read_stream(kafka_spark, source), sink)
