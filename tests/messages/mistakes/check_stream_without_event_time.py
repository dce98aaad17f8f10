"""The event time is in the value, and the check is not told."""

from pyspark.sql.functions import window

FIRST = "ValueError: The job's event time is not the record's timestamp: the latest that it has seen is 2026-01-01 09:31:00. Give event_time=, a function of a Record, and closers=, records that close its windows."
SECOND = ""


def per_window(clicks):
    clicks = clicks.selectExpr("CAST(CAST(value AS STRING) AS TIMESTAMP) AS at")
    clicks = clicks.withWatermark("at", "10 minutes")
    return clicks.groupBy(window("at", "10 minutes")).count()


def test_mistake(kafka_check_stream):
    times = ["2026-01-01 09:04:00", "2026-01-01 09:31:00"]
    kafka_check_stream(per_window, {"clicks": [("a", time) for time in times]})
