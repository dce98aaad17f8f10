"""There is no broker yet."""

from spark_kafka_testkit import KafkaUtils

FIRST = "NotSetUpError: KafkaUtils is not set up: create_topics() needs a broker. Call setup() first."
SECOND = ""


def test_mistake():
    kafka = KafkaUtils()
    kafka.create_topics(["orders"])
