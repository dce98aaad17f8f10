"""More rows are late than the test expects."""

from pyspark.sql.functions import window

from spark_kafka_testkit import Record, at

FIRST = "WaitError: Expected 1 dropped, got 2 dropped (rows of stateStoreSave)"
SECOND = "The late rows were those of 2026-01-01T09:04:00Z, 2026-01-01T09:05:00Z. The last watermark that they missed was 2026-01-01T09:20:00Z. Send in time order, or give withWatermark() a longer delay."


def clicks(*times):
    return [Record("a", "1", timestamp=at(time)) for time in times]


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    rows = rows.withWatermark("timestamp", "10 minutes")
    run = kafka_stream(rows.groupBy(window("timestamp", "10 minutes")).count())
    run.add_data(kafka_topic, clicks("09:30"))
    run.process_all_available()
    run.add_data(kafka_topic, clicks("09:04", "09:05"))
    run.check_late(dropped=1)
