"""A row comes in the batch that moves the watermark, so it is not late."""

from pyspark.sql.functions import window

from spark_kafka_testkit import Record, at

FIRST = "WaitError: Expected 1 dropped, got 0 dropped (rows of stateStoreSave)"
SECOND = "No row was late. The watermark is 2026-01-01T09:20:00Z and counts for later batches. Send rows whose time or window ends before it, after process_all_available()."


def clicks(*times):
    return [Record("a", "1", timestamp=at(time)) for time in times]


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    rows = rows.withWatermark("timestamp", "10 minutes")
    run = kafka_stream(rows.groupBy(window("timestamp", "10 minutes")).count())
    run.add_data(kafka_topic, clicks("09:30", "09:04"))
    run.check_late(dropped=1)
