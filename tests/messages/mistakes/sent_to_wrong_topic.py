"""The topic of send_messages is misspelled; it is created."""

FIRST = "WaitError: Wrong answer: missing 'a': '1'"
SECOND = "No query reads topic 'mill-ordrs', which did not exist until 1 record was sent to it. Did you mean 'mill-orders'?"


def test_mistake(kafka_utils, kafka_spark, kafka_stream):
    kafka_utils.create_topics(["mill-orders", "mill-bills"])
    orders = kafka_utils.read_stream(kafka_spark, "mill-orders")
    run = kafka_stream(orders.select("key", "value"), "mill-bills")
    kafka_utils.send_messages("mill-ordrs", [("a", "1")])
    run.check_answer({"a": "1"})
