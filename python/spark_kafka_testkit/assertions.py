"""Assertions that wait."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from spark_kafka_testkit.errors import WaitError

__all__ = ["assert_eventually"]

SHOWN_ITEMS = 10
SHOWN_CHARACTERS = 120


def assert_eventually(
    result_func: Callable[[], Any],
    expected: Any,
    timeout: float = 60,
    interval: float = 1.0,
) -> None:
    """Calls `result_func` until it returns `expected`: at once, then every `interval`
    seconds, and a last time at the deadline.

    What `result_func` raises goes through.

    Args:
        result_func: gives the current result.
        expected: what it must become, compared with `==`.
        timeout: seconds.
        interval: seconds between two checks.

    Raises:
        WaitError: (an AssertionError) it did not; the text shows how the last result
            differs.
        TypeError, ValueError: an argument that can't be used.
    """
    if not callable(result_func):
        raise TypeError(
            "result_func must be a function that gives the current result, not "
            f"{type(result_func).__name__}; "
            "write: assert_eventually(lambda: ..., expected)"
        )
    check_times(timeout, interval)
    deadline = time.monotonic() + timeout
    checks = 0
    while True:
        is_last = time.monotonic() >= deadline
        result = result_func()
        checks += 1
        if result == expected:
            return
        if is_last:
            raise WaitError(
                f"The result was not the expected one within {timeout:g} s ({checks} "
                f"checks).\n{difference(result, expected)}"
            )
        time.sleep(max(0.0, min(interval, deadline - time.monotonic())))


def check_times(timeout: float, interval: float) -> None:
    """Raises where a wait's times make no sense."""
    for name, value in (("timeout", timeout), ("interval", interval)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(
                f"{name} must be a number of seconds, not {type(value).__name__}"
            )
        if math.isnan(value):
            raise ValueError(f"{name} must be a number of seconds, and is nan")
        if value < 0:
            raise ValueError(f"{name} must not be negative, and is {value:g}")


def difference(result: Any, expected: Any) -> str:
    """How a result differs from what was expected, in a few lines; dicts are compared
    key by key.
    """
    if isinstance(result, Mapping) and isinstance(expected, Mapping):
        lines = _mapping_difference(result, expected)
        if lines:
            return lines
    return f"  expected: {_cut(expected)}\n  last:     {_cut(result)}"


def _mapping_difference(result: Mapping[Any, Any], expected: Mapping[Any, Any]) -> str:
    missing = [
        f"  missing:    {_cut(key)}: {_cut(value)}"
        for key, value in expected.items()
        if key not in result
    ]
    unexpected = [
        f"  unexpected: {_cut(key)}: {_cut(value)}"
        for key, value in result.items()
        if key not in expected
    ]
    different = [
        f"  different:  {_cut(key)}: expected {_cut(value)}, last {_cut(result[key])}"
        for key, value in expected.items()
        if key in result and result[key] != value
    ]
    return "\n".join(
        line for lines in (missing, different, unexpected) for line in _first(lines)
    )


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN_ITEMS
    return lines if more <= 0 else [*lines[:SHOWN_ITEMS], f"  ... and {more} more"]


def _cut(item: Any) -> str:
    text = repr(item)
    return (
        text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
    )
