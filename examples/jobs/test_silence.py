"""An hour without a report is one alert, and it takes seconds to test."""

from __future__ import annotations

from silence import alerts
from spark_kafka_testkit import at
from spark_kafka_testkit.pytest_plugin import StreamReader, StreamRunner


# --8<-- [start:test]
def test_an_hour_of_silence_is_told_once(
    kafka_topics: tuple[str, str],
    kafka_read_stream: StreamReader,
    kafka_stream: StreamRunner,
) -> None:
    source, sink = kafka_topics
    trigger, reports = {"processingTime": "30 minutes"}, kafka_read_stream(source)
    stream = kafka_stream(alerts(reports), sink, trigger=trigger, clock=at("09:00"))
    stream.add_data(source, [("oven", "ok"), ("lamp", "ok")])
    stream.advance_to(at("10:30"))  # both have reported at 09:30, the first trigger
    stream.check_answer([])
    stream.add_data(source, [("lamp", "ok")])
    stream.advance_to(at("12:00"))
    stream.check_answer([("oven", "silent")])
    stream.advance_to(at("14:00"))
    stream.check_answer([("oven", "silent"), ("lamp", "silent")])
    stream.add_data(source, [("oven", "ok")])
    stream.advance("30 minutes")
    stream.check_new_answer([("oven", "back")])


# --8<-- [end:test]
