"""What a report is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from spark_kafka_testkit import _timeline
from spark_kafka_testkit._timeline import Wait, waiting


class Told:
    """A listener."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.topics: list[tuple[str, Mapping[int, int]]] = []
        self.queries: list[Any] = []

    def wait_ended(self, wait: Wait) -> None:
        self.waits.append(wait)

    def topic_ends(self, topic: str, ends: Mapping[int, int]) -> None:
        self.topics.append((topic, ends))

    def query_met(self, query: Any) -> None:
        self.queries.append(query)

    def query_ends(self, query: Any) -> None:
        self.queries.append(query)


@pytest.fixture
def told() -> Iterator[Told]:
    """It listens for the time of a test."""
    listener = Told()
    before = _timeline.listen(listener)
    yield listener
    _timeline.listen(before)


def test_a_wait_is_told_with_its_line(told: Told) -> None:
    """And with how it ended. A wait within it is a part of it."""
    with waiting("check_answer"), waiting("wait_until_processed"):
        pass
    with pytest.raises(KeyError), waiting("wait_for_records"):
        {}["missing"]
    names = [(wait.name, wait.failure) for wait in told.waits]
    assert names == [("check_answer", ""), ("wait_for_records", "KeyError")]
    assert [wait.place.partition(":")[0] for wait in told.waits] == [
        "test_timeline.py"
    ] * 2
    assert all(wait.begun <= wait.ended for wait in told.waits)


def test_what_happens_in_a_wait_that_is_alone_is_not_told(told: Told) -> None:
    """On no thread."""

    def happen() -> None:
        _timeline.topic_ends("t", {0: 1})
        _timeline.query_met("q")  # type: ignore[arg-type]
        _timeline.query_ends("q")  # type: ignore[arg-type]
        with waiting("start"):
            pass

    with waiting("check_stream", alone=True):
        thread = threading.Thread(target=happen)
        thread.start()
        thread.join()
    assert [wait.name for wait in told.waits] == ["check_stream"]
    assert (told.topics, told.queries) == ([], [])
    happen()
    assert [wait.name for wait in told.waits] == ["check_stream", "start"]
    assert (told.topics, told.queries) == ([("t", {0: 1})], ["q", "q"])


def test_where_nobody_listens_nothing_is_noted() -> None:
    """Neither the time nor the line is asked for."""
    before = _timeline.listen(None)
    try:
        wait = waiting("check_answer")
        with wait:
            _timeline.topic_ends("t", {0: 1})
        assert vars(wait) == {
            "_name": "check_answer",
            "_alone": False,
            "_begun": None,
            "_place": "",
        }
    finally:
        _timeline.listen(before)
