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
from spark_kafka_testkit._waits.difference import Difference, difference, raised, unmet
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
            failure = _failure(result_func, expected, retry_on)
        checks += 1
        if failure is None:
            return
        if state is not None and not is_death_expected:
            state.raise_if_dead()
        if has_ended or is_last or final:
            why = _why(explain, failure)
            found = failure.difference()
            final = final or ("its query has ended" if has_ended else "")
            after = f" after {timeout:g} s" if timeout and not final else ""
            lines = [
                f"{failure.verdict}{after}: {found.brief}",
                *why,
                *found.rest,
                *_counted(checks, final),
                *reads.describe(),
            ]
            if state is not None:
                lines.append(state.describe())
            raise WaitError(
                "\n".join(lines),
                expected=expected,
                last=failure.last,
                checks=checks,
                topics=reads.ends(),
                query=query,
                causes=why,
            ) from failure.error
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


def _counted(checks: int, final: str) -> list[str]:
    """A line about the checks, if there is something to tell."""
    if final:
        counted = "1 check" if checks == 1 else f"{checks} checks"
        return [f"  final after {counted}: {final}"]
    return [f"  checked {checks} times"] if checks > 1 else []


@dataclass(frozen=True)
class _Failure:
    """A check that failed. `difference` compares `last` with what was expected."""

    last: Any
    difference: Callable[[], Difference]
    error: Exception | None = None

    @property
    def verdict(self) -> str:
        return "Wrong answer" if self.error is None else "No answer"


def _why(explain: Callable[[Any], Sequence[str]], failure: _Failure) -> Sequence[str]:
    """The explanation, if there is one.

    An explanation that fails must not replace what it explains.
    """
    try:
        return list(explain(failure.last))
    except Exception as error:  # noqa: BLE001  as above
        log.debug("no cause found: %s", error)
        return []


def _failure(
    result_func: Callable[[], Any],
    expected: Any,
    retry_on: type[Exception] | tuple[type[Exception], ...],
) -> _Failure | None:
    """The check of a result, if it fails."""
    # Classes are values, and so are Spark's rows, although both can be called.
    is_predicate = callable(expected) and not isinstance(expected, (type, tuple))
    try:
        result = result_func()
        if is_predicate:
            is_expected = result is expected or bool(expected(result))
        else:
            is_expected = equal(result, expected)
        if is_expected:
            return None
    except retry_on as error:
        told = partial(raised, error, expected, is_predicate=is_predicate)
        return _Failure(error, told, error)
    compare = unmet if is_predicate else difference
    return _Failure(result, partial(compare, result, expected))
