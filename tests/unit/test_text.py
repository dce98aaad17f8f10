"""Texts for people."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._text import did_you_mean, is_misspelled


def test_a_close_name_is_asked_for() -> None:
    """The closest one; of names that are far off nothing is said."""
    names = ["events", "order", "orders"]
    assert did_you_mean("ordres", names) == " Did you mean 'orders'?"
    assert did_you_mean("payments", names) == ""
    assert did_you_mean("orders", []) == ""
    one, other = (
        "a_topic_that_does_not_exist-kafka-python-6a9a",
        "a_codec_that_python_lacks-kafka-python-9f9a",
    )
    assert did_you_mean(one, [other]) == ""


@pytest.mark.parametrize(
    ("name", "other", "is_typing_error"),
    [
        ("ordrs", "orders", True),
        ("oredrs", "orders", True),
        ("orderss", "orders", True),
        ("shop-ordars", "shop-orders", True),
        ("orders-1", "orders-2", False),
        ("orders2", "orders", False),
        ("orders-copy", "orders", False),
        ("pay-eu", "pay-us", False),
        ("topic-a", "topic-b", False),
        ("bills", "orders", False),
        ("orders", "orders", False),
    ],
)
def test_a_typing_error_is_told_from_a_series(
    name: str, other: str, is_typing_error: bool
) -> None:
    """From either side."""
    assert is_misspelled(name, other) is is_typing_error
    assert is_misspelled(other, name) is is_typing_error
