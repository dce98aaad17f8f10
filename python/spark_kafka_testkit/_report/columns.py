"""Facts as small JSON: a column of numbers for each fact about a query's batches.

Times are in milliseconds since the test began. The beginning of the test, watermarks,
and the times of a query with a test's clock are in milliseconds since the epoch. A
column that would say nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from spark_kafka_testkit._report.facts import QueryFacts, TestFacts

__all__ = ["Columns", "columns", "packed", "thinned"]

Columns = dict[str, Any]


def columns(facts: TestFacts) -> Columns:
    """A test's facts, in types that JSON has."""
    begun = facts.begun
    return {
        "begun": _millis(begun),
        "took": _millis(facts.ended - begun),
        "topics": {
            topic: {
                "t": [_millis(one.at - begun) for one in ends],
                "end": [one.end for one in ends],
            }
            for topic, ends in facts.topics.items()
        },
        "queries": [_query(query, begun) for query in facts.queries],
        "waits": [
            [
                wait.name,
                _millis(wait.begun - begun),
                _millis(wait.ended - wait.begun),
                wait.failure,
                wait.place,
            ]
            for wait in facts.waits
        ],
        "left_out": facts.left_out,
    }


def thinned(test: Columns, most: int) -> Columns:
    """The same facts, with at most `most` values in each column.

    Of waits, that limits those that did not fail: all that failed are kept. A query
    that has lost batches gets the item `of`, the number of batches there were.

    Args:
        test: the result of `columns`.
        most: how many batches of a query, ends of a topic and waits to keep, at least
            2. They are spread evenly.
    """
    kept = _evenly(test["waits"], most)
    return {
        **test,
        "topics": {
            name: {key: _evenly(values, most) for key, values in topic.items()}
            for name, topic in test["topics"].items()
        },
        "queries": [_thinned(query, most) for query in test["queries"]],
        "waits": [wait for wait in test["waits"] if wait[3] or wait in kept],
    }


def packed(test: Columns) -> Columns:
    """The same facts, with shorter columns for the page.

    A column has its first number, and then the difference of each number from the one
    before. The page's script adds them up.
    """
    return {
        **test,
        "topics": {
            name: {key: _differences(values) for key, values in topic.items()}
            for name, topic in test["topics"].items()
        },
        "queries": [
            {name: _packed(value) for name, value in query.items()}
            for query in test["queries"]
        ],
    }


def _packed(value: Any) -> Any:
    if isinstance(value, list):
        return _differences(value)
    if isinstance(value, dict):
        return {key: _differences(each) for key, each in value.items()}
    return value


def _differences(values: Sequence[int | None]) -> list[int | None]:
    told: list[int | None] = []
    before = 0
    for value in values:
        if value is None:
            told.append(None)
        else:
            told.append(value - before)
            before = value
    return told


def _query(query: QueryFacts, begun: float) -> Columns:
    start = 0.0 if query.is_clocked else begun
    batches = query.batches
    topics = dict.fromkeys(topic for batch in batches for topic in batch.reached)
    told: Columns = {
        "name": query.name,
        "does": query.state,
        "clocked": query.is_clocked,
        "id": [batch.id for batch in batches],
        "t": [_millis(batch.begun - start) for batch in batches],
        "rows": [batch.rows for batch in batches],
        "reached": {
            topic: [batch.reached.get(topic) for batch in batches] for topic in topics
        },
    }
    if not query.is_clocked:  # a batch takes no time on a test's clock
        told["ms"] = [
            None if batch.seconds is None else _millis(batch.seconds)
            for batch in batches
        ]
    if query.is_stateful:
        told["state"] = [batch.state_rows for batch in batches]
        told["bytes"] = [batch.state_bytes for batch in batches]
    if any(batch.late_rows for batch in batches):
        told["late"] = [batch.late_rows for batch in batches]
    if any(batch.watermark is not None for batch in batches):
        told["watermark"] = [
            None if batch.watermark is None else _millis(batch.watermark)
            for batch in batches
        ]
    return told


def _thinned(query: Columns, most: int) -> Columns:
    count = len(query["t"])
    if count <= most:
        return query
    shorter: Columns = {"of": count}
    for name, value in query.items():
        if isinstance(value, list):
            shorter[name] = _evenly(value, most)
        elif isinstance(value, dict):
            shorter[name] = {key: _evenly(each, most) for key, each in value.items()}
        else:
            shorter[name] = value
    return shorter


def _evenly(values: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the values, including the first and the last."""
    if len(values) <= most:
        return list(values)
    return [values[place] for place in _places(len(values), most)]


def _places(count: int, most: int) -> Iterable[int]:
    return (round(step * (count - 1) / (most - 1)) for step in range(most))


def _millis(seconds: float) -> int:
    return round(seconds * 1000)
