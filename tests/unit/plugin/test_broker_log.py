"""Which lines of a broker's log a failing test shows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from spark_kafka_testkit._plugin.broker_log import warnings_since

BEGAN = datetime(2026, 3, 1, 0, 0, 5, tzinfo=timezone.utc)


def at(seconds: float, text: str) -> str:
    """A line of a container's log, so long after the test began."""
    moment = BEGAN + timedelta(seconds=seconds)
    return f"[{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03}] {text}"


def local(seconds: float, text: str) -> str:
    """One of the embedded broker's."""
    moment = (BEGAN + timedelta(seconds=seconds)).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03} {text}"


def test_warnings_of_the_tests_time_are_kept() -> None:
    """With the lines of their traces, by the date or by the time of day, beyond
    midnight too.
    """
    for line in (at, local):
        log = [
            line(-90, "WARN before"),
            "\tat before",
            line(0, "INFO begins"),
            line(1, "WARN first"),
            "\tat first",
            line(2, "INFO goes on"),
            "\tat info",
            line(7, "ERROR second"),
        ]
        assert warnings_since(log, BEGAN) == [log[3], log[4], log[7]]


def test_lines_of_another_form_are_not_kept() -> None:
    """What an agent prints says neither when nor how bad it is."""
    assert warnings_since(["Picked up JAVA_TOOL_OPTIONS: -Dx", ""], BEGAN) == []
