"""at: times of a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from spark_kafka_testkit import at


def test_a_time_of_a_day_is_local() -> None:
    """Naive, as Python and Spark take it for the local time zone's."""
    assert at("09:05") == datetime(2026, 1, 1, 9, 5)  # noqa: DTZ001
    assert at("09:05:30.5", day="2026-03-01") == datetime(2026, 3, 1, 9, 5, 30, 500_000)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("arguments", "kind", "shown"),
    [
        (("9:5",), ValueError, "'9:5' and '2026-01-01'"),
        (("09:05", "today"), ValueError, "'09:05' and 'today'"),
        ((905,), TypeError, "905 and '2026-01-01'"),
    ],
)
def test_what_is_no_time_is_refused(
    arguments: Any, kind: type[Exception], shown: str
) -> None:
    """The text has a time and a day as they should be."""
    with pytest.raises(kind) as caught:
        at(*arguments)
    assert str(caught.value) == (
        f"at() accepts a time such as '09:05' and a day such as '2026-01-01', not {shown}"
    )
