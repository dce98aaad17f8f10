"""The job's own query reads from latest, and has not begun when the test sends."""

import time

FIRST = "WaitError: Found 0 of 1 record in topic 'TOPIC' after 1 s"
SECOND = "Nothing was processed: the query began at offset 1 of 'TOPIC' (startingOffsets=latest), so 1 record before it is not read. Send after it is alive, or give startingOffsets=earliest."


def wait_until_it_has_begun(query):
    """Then it is known where."""
    while query.lastProgress is None:
        assert query.isActive
        time.sleep(0.05)


def test_mistake(kafka_utils, kafka_spark, kafka_topics, tmp_path):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source, startingOffsets="latest")
    kafka_utils.send_messages(source, [("a", "1")])  # the query begins a moment later
    writer = rows.writeStream.format("kafka").options(**kafka_utils.spark_options())
    writer = writer.option("topic", sink).option("checkpointLocation", tmp_path)
    query = writer.start()
    wait_until_it_has_begun(query)
    kafka_utils.wait_for_records(sink, timeout=1, query=query)
