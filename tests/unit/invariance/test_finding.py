"""What a finding reports, and which keys it concerns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from spark_kafka_testkit._invariance.finding import DETERMINISM, Finding
from spark_kafka_testkit._invariance.relations import MODES, RELATIONS
from spark_kafka_testkit._invariance.schedule import Schedule

SCHEDULE = "send orders[0] | batch | replay"
DEATH = """\
An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
  File "/home/me/job.py", line 3, in save
    raise KeyError(batch)
KeyError: 1
"""


def lines(relation: str, *answers: Any, **facts: Any) -> list[str]:
    finding = Finding(relation, Schedule.parse(SCHEDULE), *answers, **facts)
    return str(finding.error("job", {}, None, None, {})).splitlines()


@pytest.mark.parametrize("relation", [*RELATIONS, DETERMINISM])
def test_the_first_line_says_what_to_do_and_the_second_how_it_was_found(
    relation: str,
) -> None:
    first, second, *_ = lines(relation, [1], [2])
    assert second.endswith(f": {SCHEDULE}")
    assert (first.count(". ") > 0) == (relation not in MODES)


def test_lists_that_differ_in_their_order_are_told_as_such() -> None:
    """Lists with other items are not, and neither are answers that are not lists."""
    told = "Only the order differs. Let answer= sort its list."
    assert lines("batches", [1, 2], [2, 1])[0].endswith(told)
    assert told not in lines("batches", [1, 2], [2, 2])[0]
    assert told not in lines("batches", {"a": 1}, {"a": 2})[0]


def test_what_a_job_dies_of_is_told_with_its_line() -> None:
    first, second, *_ = lines("replays", [1], None, death=ValueError(DEATH))
    assert first == (
        "The answer of job depends on batches that run again. It dies: ValueError: "
        "KeyError: 1 (in save, job.py:3: raise KeyError(batch))"
    )
    assert second == f"With this schedule: {SCHEDULE}"


def test_the_call_that_shows_it_again_has_the_options_of_the_check() -> None:
    """They are written as code. `...` stands for what would not be readable."""
    options = {
        "answer": sorted,
        "key": ["day", "key"],
        "late": timedelta(minutes=10),
        "event_time": lambda record: record.timestamp,
        "closers": {"orders": "a" * 60},
    }
    finding = Finding("batches", Schedule.parse(SCHEDULE), [1], [2])
    assert finding.error("job", {}, None, None, options).replay == (
        "kafka.check_stream(job, inputs=..., answer=sorted, key=['day', 'key'], "
        "late=datetime.timedelta(seconds=600), event_time=..., closers=..., "
        f'schedule="{SCHEDULE}")'
    )


@pytest.mark.parametrize(
    ("schedule", "is_plain"),
    [
        ("send orders[0:3] | batch", True),
        ("send orders[0], orders[0] again | batch", False),
        ("send orders[0] | crash in a task", False),
        ("send orders[0] | batch | batch", False),
    ],
)
def test_chance_is_shown_again_by_the_schedule_that_showed_it(
    schedule: str, is_plain: bool
) -> None:
    """The usual batch needs no schedule."""
    finding = Finding(DETERMINISM, Schedule.parse(schedule), [1], [2])
    again = finding.error("job", {}, None, None, {}).replay
    assert again.endswith(
        'same_under=["determinism"])' if is_plain else f'schedule="{schedule}")'
    )


def test_keys_are_told_by_what_differs() -> None:
    """A key is often part of a value.

    If an answer has no parts, it may concern any key.
    """
    both = [("ada", 1), ("bob", 2)]

    def concerned(expected: Any, answer: Any) -> list[bytes]:
        finding = Finding("batches", Schedule.parse(SCHEDULE), expected, answer)
        return list(filter(finding.concerns, (b"ada", b"bob", b"\xff")))

    assert concerned(both, [("ada", 1), ("bob", 3)]) == [b"bob"]
    assert concerned([*both, ("x", b"\xff")], both) == [b"\xff"]
    assert concerned({"ada": 1, "bob": 2}, {"ada": 2, "bob": 2}) == [b"ada"]
    assert concerned(['{"name": "ada"}'], []) == [b"ada"]
    assert concerned(1, 2) == concerned(both, None) == [b"ada", b"bob", b"\xff"]
