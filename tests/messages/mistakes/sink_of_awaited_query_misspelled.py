"""The topic that a query of the job's own writes to is misspelled, and is waited for."""

FIRST = "UnknownTopicError: Query ID writes to topic 'zoo-bils', which does not exist. Did you mean 'zoo-bills'? If not, call create_topics(['zoo-bils']) first."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_topic, tmp_path):
    kafka_utils.create_topics([kafka_topic, "zoo-bills"])
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic).select("key", "value")
    writer = rows.writeStream.format("kafka").option("topic", "zoo-bils")
    writer = writer.options(**kafka_utils.spark_options())
    query = writer.option("checkpointLocation", tmp_path).start()
    kafka_utils.send_messages(kafka_topic, [("a", "1")])
    kafka_utils.wait_until_processed(query)
