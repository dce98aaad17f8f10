"""The name can't be a topic's."""

FIRST = "ValueError: topic_names[0]='my orders' can't be the name of a topic: Kafka allows 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and neither '.' nor '..'."
SECOND = ""


def test_mistake(kafka_utils):
    kafka_utils.create_topics(["my orders"])
