"""The stream reads from latest, and the test sends before it starts."""

FIRST = "WaitError: Wrong answer: missing 'a': '1'"
SECOND = "Nothing was processed: the query began at offset 1 of 'TOPIC' (startingOffsets=latest), so 1 record before it is not read. Send after it is alive, or give startingOffsets=earliest."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    kafka_utils.send_messages(source, [("a", "1")])
    rows = kafka_utils.read_stream(kafka_spark, source, startingOffsets="latest")
    run = kafka_stream(rows.select("key", "value"), sink)
    run.check_answer({"a": "1"})
