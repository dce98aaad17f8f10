"""The job changes the key by which records are counted."""

FIRST = "WaitError: Not exactly once: 'a' was never written (sent to topic 'TOPIC', partition 0, offset 0), and 1 more"
SECOND = "key= matches what the job writes with what was sent. Is the key the same in both? If not, give expected=."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source)
    loud = rows.selectExpr("UPPER(CAST(key AS STRING)) AS key", "value")
    run = kafka_stream(loud, sink)
    run.add_data(source, [("a", "1")])
    run.check_exactly_once()
