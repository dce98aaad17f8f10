"""The topic that the test reads is misspelled."""

FIRST = "UnknownTopicError: Topic 'store-bils' does not exist, and the broker did not create it. Did you mean 'store-bills'? If not, call create_topics(['store-bils']) first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark):
    kafka_utils.create_topics(["store-bills"])
    assert kafka_utils.get_all_records(kafka_spark, "store-bils") == {"a": "1"}
