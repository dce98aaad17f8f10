"""The topic that a query of the job's own writes to is misspelled."""

FIRST = "StreamingQueryException: TimeoutException: Topic gym-bils not present in metadata after 100 ms."
SECOND = "Topic 'gym-bils' does not exist. Did you mean 'gym-bills'?"


def test_mistake(kafka_utils, kafka_spark, kafka_topic, tmp_path):
    kafka_utils.create_topics(["gym-bills"])
    kafka_utils.send_messages(kafka_topic, [("a", "1")])
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic).select("key", "value")
    options = {**kafka_utils.spark_options(), "kafka.max.block.ms": "100"}
    writer = rows.writeStream.format("kafka").option("topic", "gym-bils")
    writer = writer.options(**options).option("checkpointLocation", tmp_path)
    writer.start().awaitTermination()
