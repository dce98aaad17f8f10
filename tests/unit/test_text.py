"""Texts for people."""

from __future__ import annotations

from spark_kafka_testkit._text import did_you_mean


def test_a_close_name_is_asked_for() -> None:
    """The closest one; of names that are far off nothing is said."""
    names = ["events", "order", "orders"]
    assert did_you_mean("ordres", names) == " Did you mean 'orders'?"
    assert did_you_mean("payments", names) == ""
    assert did_you_mean("orders", []) == ""
