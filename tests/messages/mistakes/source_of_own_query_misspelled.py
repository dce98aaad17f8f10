"""The topic that a query of the job's own reads is misspelled."""

FIRST = "UnknownTopicError: Query 'job' (ID) reads topic 'web-ordrs', which does not exist. Did you mean 'web-orders'? If not, call create_topics(['web-ordrs']) first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark):
    kafka_utils.create_topics(["web-orders"])
    orders = kafka_utils.read_stream(kafka_spark, "web-ordrs")
    query = orders.writeStream.format("memory").queryName("job").start()
    kafka_utils.wait_until_processed(query)
