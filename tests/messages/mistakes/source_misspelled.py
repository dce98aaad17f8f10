"""The topic that the stream reads is misspelled."""

FIRST = "UnknownTopicError: The stream reads topic 'clicks-ordrs', which does not exist. Did you mean 'clicks-orders'? If not, call create_topics(['clicks-ordrs']) first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream):
    kafka_utils.create_topics(["clicks-orders", "clicks-bills"])
    orders = kafka_utils.read_stream(kafka_spark, "clicks-ordrs")
    kafka_stream(orders, "clicks-bills")
