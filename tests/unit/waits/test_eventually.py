"""assert_eventually: checks at once, checks last, and shows the difference."""

from __future__ import annotations

import math
import re
import time
from typing import Any
from unittest.mock import ANY

import pytest

from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import WaitError


def test_a_result_that_is_as_expected_is_checked_once() -> None:
    """There is one call, and no sleep."""
    calls: list[int] = []
    started = time.monotonic()
    assert_eventually(lambda: calls.append(1) or 5, 5, interval=30)
    assert calls == [1]
    assert time.monotonic() - started < 10


def test_an_assertion_returns_when_the_result_becomes_the_expected_one() -> None:
    """The function is called again until then."""
    results = iter([1, 2, 3])
    assert_eventually(lambda: next(results), 3, interval=0.001)


def test_there_is_a_last_check_at_the_deadline() -> None:
    """An interval that is longer than the time left does not make the assertion miss
    the end.
    """
    started = time.monotonic()
    assert_eventually(lambda: time.monotonic() - started >= 0.3, True, 0.3, interval=60)


def test_an_assertion_without_time_checks_once() -> None:
    """timeout=0 is a plain assertion."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: 1, 2, timeout=0)
    assert str(caught.value) == "Wrong answer: expected 2, last 1"


def test_what_the_function_raises_goes_through() -> None:
    """An error is not taken for 'not yet'."""
    with pytest.raises(ZeroDivisionError):
        assert_eventually(lambda: 1 / 0, 1)


def test_the_last_result_is_the_one_shown() -> None:
    """The first one is not shown, and the checks are counted."""
    results = iter([1, 2])
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: next(results), 0, timeout=0.05, interval=60)
    assert str(caught.value) == (
        "Wrong answer after 0.05 s: expected 0, last 2\n  checked 2 times"
    )


@pytest.mark.parametrize(
    "error_type", [AssertionError, KeyError, TimeoutError, SystemExit]
)
def test_no_error_of_the_function_is_taken_for_not_yet(
    error_type: type[BaseException],
) -> None:
    """The very object goes through, at the first call."""
    raised: list[BaseException] = []

    def result() -> None:
        raised.append(error_type("why"))
        raise raised[-1]

    with pytest.raises(error_type) as caught:
        assert_eventually(result, None)
    assert len(raised) == 1
    assert caught.value is raised[0]


def is_long(result: str) -> bool:
    return len(result) > 3


def test_a_predicate_says_whether_the_result_will_do() -> None:
    """Where it never does, its name and place are shown, and more of a long result."""
    results = iter(["a", "ab", "abcd"])
    assert_eventually(lambda: next(results), is_long, interval=0.001)
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: "abc", is_long, timeout=0)
    line = is_long.__code__.co_firstlineno
    told = f"Wrong answer: is_long (test_eventually.py:{line}) is not true of"
    assert str(caught.value) == f"{told} 'abc'"
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: "x" * 200, lambda result: not is_long(result), 0)
    first, second = str(caught.value).splitlines()
    assert re.fullmatch(
        r"Wrong answer: <lambda> \(test_eventually.py:\d+\) is not true of 'x{36}\.\.\.",
        first,
    )
    assert second == f"  last:     '{'x' * 116}..."


def test_a_matcher_is_compared_like_a_value() -> None:
    """pytest.approx, mock.ANY and the like may stand inside of what is expected, too."""
    assert_eventually(lambda: 0.1 + 0.2, pytest.approx(0.3), timeout=0)
    assert_eventually(lambda: {"k": 0.1 + 0.2}, {"k": pytest.approx(0.3)}, timeout=0)
    assert_eventually(lambda: ["a", object()], ["a", ANY], timeout=0)


def test_a_function_or_class_that_is_the_result_is_a_value() -> None:
    """A class is no predicate, and what is equal is as expected."""
    assert_eventually(lambda: is_long, is_long, timeout=0)
    assert_eventually(lambda: int, int, timeout=0)
    with pytest.raises(WaitError, match="expected <class 'bool'>"):
        assert_eventually(lambda: 1, bool, timeout=0)


def test_an_error_that_was_named_means_not_yet() -> None:
    """It may come from the function or from the predicate; the last one is shown, and
    is the cause.
    """
    results = iter([[], [1]])
    assert_eventually(
        lambda: next(results)[0], 1, interval=0.001, retry_on=(IndexError, KeyError)
    )
    assert_eventually(
        iter([{}, {"n": 1}]).__next__,
        lambda result: result["n"] == 1,
        interval=0.001,
        retry_on=KeyError,
    )
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: {}["n"], 1, timeout=0, retry_on=KeyError)
    assert str(caught.value) == "No answer: KeyError: 'n'\n  expected: 1"
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(IndexError):
        assert_eventually(lambda: "a"[1], 1, retry_on=KeyError)


def test_an_error_in_many_lines_is_told_by_its_first() -> None:
    """The others stand below; so does what is expected."""

    def result() -> None:
        raise AssertionError("assert 1 == 2\n + where 1 = n")

    with pytest.raises(WaitError) as caught:
        assert_eventually(result, is_long, timeout=0, retry_on=AssertionError)
    line = is_long.__code__.co_firstlineno
    assert str(caught.value) == (
        "No answer: AssertionError: assert 1 == 2\n"
        f"  expected: is_long (test_eventually.py:{line}) is true\n"
        "  last:     AssertionError: assert 1 == 2\n"
        " + where 1 = n"
    )


def test_a_failed_wait_knows_what_was_expected_and_what_was_seen() -> None:
    """The error has the last result, and how often it was looked for."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: [1], [2], timeout=0)
    error = caught.value
    assert (error.expected, error.last, error.checks) == ([2], [1], 1)
    assert (error.topics, error.query) == ({}, None)


def test_an_exception_that_means_not_yet_is_the_last_result() -> None:
    """The error has the exception itself."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: {}["k"], 1, timeout=0, retry_on=KeyError)
    assert isinstance(caught.value.last, KeyError)


@pytest.mark.parametrize(
    ("arguments", "error_type", "text"),
    [
        (
            ({"k": "v"}, {}),
            TypeError,
            "result_func must be a function that returns the current result, not dict. "
            "Write: assert_eventually(lambda: ..., expected)",
        ),
        (
            (dict, {}, "60"),
            TypeError,
            "timeout must be a number of seconds, not str",
        ),
        ((dict, {}, -1), ValueError, "timeout must not be negative, got -1"),
        ((dict, {}, 1, -2), ValueError, "interval must not be negative, got -2"),
    ],
)
def test_wrong_arguments_of_an_assertion_are_refused(
    arguments: Any, error_type: type[Exception], text: str
) -> None:
    """They are refused before anything is waited for."""
    with pytest.raises(error_type) as caught:
        assert_eventually(*arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize("name", ["timeout", "interval"])
@pytest.mark.parametrize(
    ("value", "error_type", "text"),
    [
        (True, TypeError, "{name} must be a number of seconds, not bool"),
        (None, TypeError, "{name} must be a number of seconds, not NoneType"),
        ("1", TypeError, "{name} must be a number of seconds, not str"),
        (-0.5, ValueError, "{name} must not be negative, got -0.5"),
        pytest.param(
            math.nan,
            ValueError,
            "{name} must be a number of seconds, got nan",
        ),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    name: str, value: Any, error_type: type[Exception], text: str
) -> None:
    """It is refused before the function is called."""
    calls: list[int] = []
    with pytest.raises(error_type) as caught:
        assert_eventually(lambda: calls.append(1), None, **{name: value})
    assert (str(caught.value), calls) == (text.format(name=name), [])
