"""No later record closes the window."""

from pyspark.sql.functions import window

FIRST = "WaitError: Wrong answer: missing '09:00': '1'"
SECOND = "The state holds 1 row, and the watermark is 2026-01-01T08:54:00Z. In append mode a window comes out when a record later than its end plus the delay has moved the watermark."


def per_window(rows, delay):
    at = rows.selectExpr("CAST(CAST(value AS STRING) AS TIMESTAMP) AS at")
    windows = at.withWatermark("at", delay).groupBy(window("at", "10 minutes"))
    start = "date_format(window.start, 'HH:mm') AS key"
    return windows.count().selectExpr(start, "CAST(count AS STRING) AS value")


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = per_window(kafka_utils.read_stream(kafka_spark, source), "10 minutes")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "2026-01-01 09:04:00")])
    run.check_answer({"09:00": "1"})
