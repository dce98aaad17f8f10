"""The pauses of a wait."""

from __future__ import annotations

import time

from spark_kafka_testkit import _clock

__all__ = ["sleep"]


def sleep(seconds: float, deadline: float) -> None:
    """Sleeps for some seconds, but not past the deadline (of the monotonic clock)."""
    time.sleep(max(0.0, min(seconds, deadline - _clock.monotonic())))
