"""A cart that was left is told once; one that was paid is not, nor is one of a user who
is still busy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from carts import reminders


def test_a_cart_that_was_left_is_told(
    topics: list[str],
    read_stream: Callable[[str], DataFrame],
    run: Callable[..., Any],
    send: Callable[..., None],
    records: Callable[..., list[Any]],
) -> None:
    source, _, sink = topics
    query = run(reminders(read_stream(source)), sink)
    send(source, ("ann", "tea", "09:00"), ("bob", "rum", "09:00"))
    send(source, ("bob", "paid", "09:12"), ("eve", "gin", "09:20"))
    query.processAllAvailable()
    assert records(sink, 1, seconds=5) == []
    query.stop()
    query = run(reminders(read_stream(source)), sink)
    send(source, ("ann", "cup", "09:15"), ("eve", "ice", "09:59"))
    query.processAllAvailable()
    found = [(record.key, record.value) for record in records(sink, 2, seconds=10)]
    assert found == [(b"ann", b"tea,cup")]
