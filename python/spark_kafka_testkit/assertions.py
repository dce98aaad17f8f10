"""Assertions that wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock, _reads
from spark_kafka_testkit._difference import difference, named, shorten
from spark_kafka_testkit._times import check_times
from spark_kafka_testkit.errors import WaitError
from spark_kafka_testkit.streaming._query import (
    check_query,
    describe,
    raise_if_dead,
)

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["assert_eventually"]


def assert_eventually(
    result_func: Callable[[], Any],
    expected: Any,
    timeout: float = 60,
    interval: float = 1.0,
    *,
    query: StreamingQuery | None = None,
    retry_on: type[Exception] | tuple[type[Exception], ...] = (),
) -> None:
    """Calls `result_func` until its result is the expected one: at once, then at least
    every `interval` seconds, and a last time at the deadline.

    Where the function reads topics through the kit, it is called again as soon as one
    of them holds more.

    Args:
        result_func: gives the current result.
        expected: what it must become: a value or matcher, compared with `==`; or a
            function that takes the result and says whether it will do.
        timeout: seconds.
        interval: the longest time between two checks, in seconds.
        query: the query that the result depends on: when it has died, or ended and the
            result is still another, the wait is over.
        retry_on: exceptions of the function that mean 'not yet'. All others go through.

    Raises:
        WaitError: (an AssertionError) it did not; the text shows how the last result
            differs, the topics that were read, and the query's state.
        StreamingQueryException: the query's own, as soon as it has died.
        TypeError, ValueError: an argument that can't be used.
    """
    if not callable(result_func):
        raise TypeError(
            "result_func must be a function that gives the current result, not "
            f"{type(result_func).__name__}; "
            "write: assert_eventually(lambda: ..., expected)"
        )
    if query is not None:
        check_query(query)
    check_times(timeout=timeout, interval=interval)
    deadline = _clock.monotonic() + timeout
    checks = 0
    while True:
        is_last = _clock.monotonic() >= deadline
        has_ended = query is not None and not query.isActive
        with _reads.noted() as reads:
            outcome = _outcome(result_func, expected, retry_on)
        checks += 1
        if outcome.is_expected:
            return
        if query is not None:
            raise_if_dead(query)
        if has_ended or is_last:
            when = "when its query had ended" if has_ended else f"within {timeout:g} s"
            lines = [outcome.shown, *reads.describe()]
            if query is not None:
                lines.append(describe(query))
            raise WaitError(
                f"The result was not the expected one {when} ({checks} checks).\n"
                + "\n".join(lines)
            ) from outcome.error
        reads.wait_for_more(
            min(interval, deadline - _clock.monotonic()),
            until=lambda: query is not None and not query.isActive,
        )


@dataclass(frozen=True)
class _Outcome:
    """What a check came to; `shown` tells how far it is from what was expected."""

    is_expected: bool
    shown: str = ""
    error: Exception | None = None


def _outcome(
    result_func: Callable[[], Any],
    expected: Any,
    retry_on: type[Exception] | tuple[type[Exception], ...],
) -> _Outcome:
    is_predicate = callable(expected) and not isinstance(expected, type)
    wanted = f"{named(expected)} is true" if is_predicate else shorten(expected)
    try:
        result = result_func()
        if result == expected or (is_predicate and expected(result)):
            return _Outcome(True)
    except retry_on as error:
        last = f"{type(error).__name__}: {error}"
        return _Outcome(False, f"  expected: {wanted}\n  last:     {last}", error)
    if is_predicate:
        last = shorten(result)
        return _Outcome(False, f"  expected: {wanted}\n  last:     {last}")
    return _Outcome(False, difference(result, expected))
