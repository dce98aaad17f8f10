"""What is counted has a watermark, but no window that could end."""

FIRST = "WaitError: The state of the query holds 2 rows (2 in stateStoreSave), but at most 1 are allowed."
SECOND = "Rows whose key has no event time never leave the state. Group by a window() of the column with the watermark."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    counts = rows.withWatermark("timestamp", "1 minute").groupBy("key").count()
    run = kafka_stream(counts, output_mode="update")
    run.add_data(kafka_topic, [("a", "1"), ("b", "1")])
    run.check_state_bounded(rows=1)
