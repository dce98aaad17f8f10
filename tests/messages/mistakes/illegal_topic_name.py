"""The name can't be a topic's."""

FIRST = "ValueError: topic_names[0]='my orders' is not a valid topic name: Kafka allows 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
SECOND = ""


def test_mistake(kafka_utils):
    kafka_utils.create_topics(["my orders"])
