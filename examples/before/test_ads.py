"""A click within the hour counts; without one the impression comes out at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from ads import outcomes


def test_clicks_find_their_impressions(
    topics: list[str],
    read_stream: Callable[[str], DataFrame],
    run: Callable[..., Any],
    send: Callable[..., None],
    records: Callable[..., list[Any]],
) -> None:
    impressions, clicks, sink = topics
    query = run(outcomes(read_stream(impressions), read_stream(clicks)), sink)
    send(impressions, ("a", None, "09:00"), ("b", None, "09:00"))
    send(clicks, ("a", None, "09:02"), ("b", None, "10:30"))
    query.processAllAvailable()
    found = [(record.key, record.value) for record in records(sink, 1)]
    assert found == [(b"a", b"120")]
    send(impressions, ("later", None, "12:00"))
    send(clicks, ("nothing", None, "12:00"))
    query.processAllAvailable()
    found = [(record.key, record.value) for record in records(sink, 3, seconds=10)]
    assert sorted(found) == [(b"a", b"120"), (b"b", None)]
