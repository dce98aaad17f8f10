"""A visit comes out when the watermark has passed its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from sessions import visits


def test_a_visit_ends_after_half_an_hour_of_silence(
    topics: list[str],
    read_stream: Callable[[str], DataFrame],
    run: Callable[..., Any],
    send: Callable[..., None],
    records: Callable[..., list[Any]],
) -> None:
    source, _, sink = topics
    query = run(visits(read_stream(source)), sink)
    send(source, ("ann", None, "09:00"), ("bob", None, "09:05"))
    send(source, ("ann", None, "09:20"))
    query.processAllAvailable()
    assert records(sink, 1, seconds=5) == []
    send(source, ("ann", None, "10:10"))
    query.processAllAvailable()
    found = [
        (record.key, json.loads(record.value))
        for record in records(sink, 3, seconds=10)
    ]
    assert sorted(found, key=lambda pair: pair[0]) == [
        (b"ann", {"pages": 2, "minutes": 20}),
        (b"bob", {"pages": 1, "minutes": 0}),
    ]
