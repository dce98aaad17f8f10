"""Duplicates are looked for among all records, for ever."""

FIRST = "WaitError: The state of the query holds 2 rows (2 in dedupe), but at most 1 are allowed."
SECOND = "It has no watermark, so nothing leaves the state. Give the DataFrame one with withWatermark(). Name the column with the watermark in dropDuplicates() too, or use dropDuplicatesWithinWatermark()."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    run = kafka_stream(rows.dropDuplicates(["key"]))
    run.add_data(kafka_topic, [("a", "1"), ("b", "1")])
    run.check_state_bounded(rows=1)
