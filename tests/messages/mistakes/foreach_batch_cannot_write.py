"""What the function for foreachBatch writes to can't be written to."""

FIRST = "StreamingQueryException: SQLException: No suitable driver"
SECOND = 'in save, foreach_batch_cannot_write.py:LINE: df.write.jdbc("jdbc:bills:x", "bills")'


def save(df, batch):
    df.write.jdbc("jdbc:bills:x", "bills")


def test_mistake(kafka_utils, kafka_spark, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("a", "x")])
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    rows.writeStream.foreachBatch(save).start().awaitTermination()
