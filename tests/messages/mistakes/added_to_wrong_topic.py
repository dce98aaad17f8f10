"""The topic of add_data is misspelled."""

FIRST = "ValueError: Topic 'farm-ordrs' is not a source of the stream, which reads 'farm-orders'. Send to another topic with send_messages()."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream):
    kafka_utils.create_topics(["farm-orders", "farm-bills"])
    orders = kafka_utils.read_stream(kafka_spark, "farm-orders")
    run = kafka_stream(orders.select("key", "value"), "farm-bills")
    run.add_data("farm-ordrs", [("a", "1")])
