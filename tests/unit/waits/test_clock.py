"""The factor of time-outs."""

from __future__ import annotations

from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._waits.clock import FACTOR_ENV, choose_factor
from spark_kafka_testkit.errors import WaitError


def test_the_argument_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without both it is 1."""
    monkeypatch.delenv(FACTOR_ENV, raising=False)
    assert choose_factor() == 1
    monkeypatch.setenv(FACTOR_ENV, "2.5")
    assert choose_factor() == 2.5
    assert choose_factor(3) == 3


def test_a_time_out_is_multiplied() -> None:
    """The text says how long was waited."""
    with pytest.raises(WaitError, match=r"^Wrong answer after 0\.02 s: "):
        KafkaUtils(timeout_factor=0.2).assert_eventually(lambda: 1, 2, timeout=0.1)


@pytest.mark.parametrize(
    ("factor", "kind", "text"),
    [
        (0, ValueError, "timeout_factor must be a number above 0, got 0"),
        ("2", TypeError, "timeout_factor must be a number, not str"),
    ],
)
def test_what_is_no_factor_is_refused(
    factor: Any, kind: type[Exception], text: str
) -> None:
    """As an argument, and in the environment."""
    with pytest.raises(kind) as caught:
        KafkaUtils(timeout_factor=factor)
    assert str(caught.value) == text


@pytest.mark.parametrize("text", ["0", "-1", "nan", "twice"])
def test_a_variable_that_is_no_factor_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named."""
    monkeypatch.setenv(FACTOR_ENV, text)
    with pytest.raises(ValueError, match=f"^{FACTOR_ENV} must be .*, got '{text}'$"):
        KafkaUtils()
