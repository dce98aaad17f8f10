"""The topic of send_messages is misspelled; it is created."""

FIRST = "WaitError: The result was not the expected one and is final: its query has processed all that is in Kafka, and waits for data (N checks)."
SECOND = "No query reads topic 'mill-ordrs', which did not exist until 1 record was sent to it. Did you mean 'mill-orders'?"


def test_mistake(kafka_utils, kafka_spark, kafka_stream):
    kafka_utils.create_topics(["mill-orders", "mill-bills"])
    orders = kafka_utils.read_stream(kafka_spark, "mill-orders")
    run = kafka_stream(orders.select("key", "value"), "mill-bills")
    kafka_utils.send_messages("mill-ordrs", [("a", "1")])
    run.check_answer({"a": "1"})
