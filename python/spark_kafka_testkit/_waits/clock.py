"""The times of a wait."""

from __future__ import annotations

import math
import time

from spark_kafka_testkit import _clock

__all__ = ["check_times", "sleep"]


def check_times(**times: float) -> None:
    """Raises where a wait's times, in seconds, make no sense."""
    for name, value in times.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(
                f"{name} must be a number of seconds, not {type(value).__name__}"
            )
        if math.isnan(value):
            raise ValueError(f"{name} must be a number of seconds, and is nan")
        if value < 0:
            raise ValueError(f"{name} must not be negative, and is {value:g}")


def sleep(seconds: float, deadline: float) -> None:
    """Sleeps for some seconds, but not past the deadline (of the monotonic clock)."""
    time.sleep(max(0.0, min(seconds, deadline - _clock.monotonic())))
