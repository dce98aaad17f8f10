"""The pauses of a wait."""

from __future__ import annotations

import os
import time

from spark_kafka_testkit import _arguments, _clock

__all__ = ["FACTOR_ENV", "Pauses", "choose_factor"]

FACTOR_ENV = "SPARK_KAFKA_TESTKIT_TIMEOUT_FACTOR"

SHORTEST_SECONDS = 0.005
LONGEST_SECONDS = 0.05
PART = 0.2


def choose_factor(factor: float | None = None) -> float:
    """The factor for timeouts: the argument, else the environment's, else 1.

    Raises:
        TypeError, ValueError: it is not a number above 0.
    """
    if factor is not None:
        return _arguments.factor("timeout_factor", factor)
    text = os.environ.get(FACTOR_ENV) or "1"
    try:
        return _arguments.factor(FACTOR_ENV, float(text))
    except ValueError:
        raise ValueError(
            f"{FACTOR_ENV} must be a number above 0, got {text!r}"
        ) from None


class Pauses:
    """The time of a wait, and the pauses between its checks.

    Each pause is a fifth of the time the wait has taken so far, within limits. So the
    wait notices early events quickly, and a long wait costs little.

    Args:
        seconds: how long the wait may take.
    """

    def __init__(self, seconds: float) -> None:
        self._begun = _clock.monotonic()
        self._deadline = self._begun + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return _clock.monotonic() >= self._deadline

    def rest(self, longest: float = LONGEST_SECONDS) -> None:
        """Sleep, but not past the end of the wait."""
        now = _clock.monotonic()
        wanted = max(SHORTEST_SECONDS, PART * (now - self._begun))
        time.sleep(
            max(0.0, min(wanted, longest, LONGEST_SECONDS, self._deadline - now))
        )
