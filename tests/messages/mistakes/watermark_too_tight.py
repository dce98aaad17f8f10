"""A record comes behind the watermark."""

from pyspark.sql.functions import window

FIRST = "WaitError: Wrong answer: missing '09:00': '1'"
SECOND = "1 row was dropped as late: the watermark was 2026-01-01T09:30:00Z, its time 2026-01-01T09:04:00Z. Send in time order, or give withWatermark a longer delay."


def per_window(rows, delay):
    at = rows.selectExpr("CAST(CAST(value AS STRING) AS TIMESTAMP) AS at")
    windows = at.withWatermark("at", delay).groupBy(window("at", "10 minutes"))
    start = "date_format(window.start, 'HH:mm') AS key"
    return windows.count().selectExpr(start, "CAST(count AS STRING) AS value")


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = per_window(kafka_utils.read_stream(kafka_spark, source), "0 minutes")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "2026-01-01 09:30:00")])
    run.process_all_available()
    run.add_data(source, [("a", "2026-01-01 09:04:00")])
    run.check_answer({"09:00": "1"})
