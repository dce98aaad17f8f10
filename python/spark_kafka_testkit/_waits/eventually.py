"""Assertions that wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._reads import watched as _reads
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.difference import difference, named, shorten
from spark_kafka_testkit._waits.equality import equal
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["assert_eventually"]

log = logging.getLogger("spark_kafka_testkit")


def assert_eventually(
    result_func: Callable[[], Any],
    expected: Any,
    timeout: float = 60,
    interval: float = 1.0,
    *,
    query: StreamingQuery | None = None,
    is_death_expected: bool = False,
    retry_on: type[Exception] | tuple[type[Exception], ...] = (),
    finality: Callable[[], str] = lambda: "",
    explain: Callable[[Any], Sequence[str]] = lambda last: [],
) -> None:
    """See `KafkaUtils.assert_eventually`.

    Args:
        is_death_expected: whether a dead query counts as one that has ended.
        finality: a function that returns why the result can no longer change, or an
            empty string if it can. If it can't, the wait ends.
        explain: a function that takes the last result, if it is not the expected one,
            and returns sentences that say why.
    """
    if not callable(result_func):
        raise TypeError(
            "result_func must be a function that returns the current result, not "
            f"{type(result_func).__name__}. Write: assert_eventually(lambda: ..., "
            "expected)"
        )
    timeout = _arguments.seconds("timeout", timeout)
    interval = _arguments.seconds("interval", interval)
    _check_exceptions(retry_on)
    state = None if query is None else QueryState(query)
    deadline = _clock.monotonic() + timeout
    checks, final = 0, ""
    while True:
        is_last = _clock.monotonic() >= deadline
        has_ended = state is not None and not state.is_active
        with _reads.noted() as reads:
            outcome = _outcome(result_func, expected, retry_on)
        checks += 1
        if outcome.is_expected:
            return
        if state is not None and not is_death_expected:
            state.raise_if_dead()
        if has_ended or is_last or final:
            when = f" within {timeout:g} s" if timeout else ""
            if has_ended:
                when = " when its query had ended"
            if final:
                when = f" and is final: {final}"
            counted = f"{checks} check" if checks == 1 else f"{checks} checks"
            why = _why(explain, outcome)
            lines = [*why, outcome.shown(), *reads.describe()]
            if state is not None:
                lines.append(state.describe())
            raise WaitError(
                f"The result was not the expected one{when} ({counted}).\n"
                + "\n".join(lines),
                expected=expected,
                last=outcome.last,
                checks=checks,
                topics=reads.ends(),
                query=query,
                causes=why,
            ) from outcome.error
        final = finality()
        if final:
            continue  # check once more, now that it is final
        reads.wait_for_more(
            min(interval, deadline - _clock.monotonic()),
            until=lambda: state is not None and not state.is_active,
        )


def _check_exceptions(retry_on: Any) -> None:
    classes = retry_on if isinstance(retry_on, tuple) else (retry_on,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(
                "retry_on must be an exception class or a tuple of them, got "
                f"{shown(each)}"
            )


@dataclass(frozen=True)
class _Outcome:
    """The result of a check. `shown` says how `last` differs from what was expected."""

    is_expected: bool
    last: Any = None
    shown: Callable[[], str] = str
    error: Exception | None = None


def _why(explain: Callable[[Any], Sequence[str]], outcome: _Outcome) -> Sequence[str]:
    """The explanation, if there is one.

    An explanation that fails must not replace what it explains.
    """
    try:
        return list(explain(outcome.last))
    except Exception as error:  # noqa: BLE001  as above
        log.debug("no cause found: %s", error)
        return []


def _outcome(
    result_func: Callable[[], Any],
    expected: Any,
    retry_on: type[Exception] | tuple[type[Exception], ...],
) -> _Outcome:
    # Classes are values, and so are Spark's rows, although both can be called.
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
        shown = f"  expected: {wanted}\n  last:     {last}"
        return _Outcome(False, error, lambda: shown, error)
    if is_predicate:
        last = shorten(result)
        shown = f"  expected: {wanted}\n  last:     {last}"
        return _Outcome(False, result, lambda: shown)
    return _Outcome(False, result, partial(difference, result, expected))
