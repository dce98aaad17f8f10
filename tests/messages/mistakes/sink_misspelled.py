"""The topic that the stream writes to is misspelled."""

FIRST = "UnknownTopicError: The stream writes to topic 'shop-bils', which does not exist. Did you mean 'shop-bills'? If not, call create_topics(['shop-bils']) first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream):
    kafka_utils.create_topics(["shop-orders", "shop-bills"])
    orders = kafka_utils.read_stream(kafka_spark, "shop-orders")
    kafka_stream(orders.select("key", "value"), "shop-bils")
