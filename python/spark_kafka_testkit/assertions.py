"""Assertions that wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _reads
from spark_kafka_testkit._difference import difference, named, shorten
from spark_kafka_testkit._equality import equal
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
    """See `KafkaUtils.assert_eventually`."""
    if not callable(result_func):
        raise TypeError(
            "result_func must be a function that gives the current result, not "
            f"{type(result_func).__name__}; "
            "write: assert_eventually(lambda: ..., expected)"
        )
    if query is not None:
        check_query(query)
    check_times(timeout=timeout, interval=interval)
    deadline = time.monotonic() + timeout
    checks = 0
    while True:
        is_last = time.monotonic() >= deadline
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
            min(interval, deadline - time.monotonic()),
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
    # Classes are values, and so are Spark's rows, which can be called, too.
    is_predicate = callable(expected) and not isinstance(expected, (type, tuple))
    wanted = f"{named(expected)} is true" if is_predicate else shorten(expected)
    try:
        result = result_func()
        if is_predicate:
            is_expected = result is expected or bool(expected(result))
        else:
            is_expected = equal(result, expected)
        if is_expected:
            return _Outcome(True)
    except retry_on as error:
        last = f"{type(error).__name__}: {error}"
        return _Outcome(False, f"  expected: {wanted}\n  last:     {last}", error)
    if is_predicate:
        last = shorten(result)
        return _Outcome(False, f"  expected: {wanted}\n  last:     {last}")
    return _Outcome(False, difference(result, expected))
