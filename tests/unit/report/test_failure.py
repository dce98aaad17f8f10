"""Failures as JSON, and as the summary of a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spark_kafka_testkit._model.secret import Secret
from spark_kafka_testkit._report.failure import crashed, failure
from spark_kafka_testkit._report.summary import markdown
from spark_kafka_testkit._text import Cause
from spark_kafka_testkit.errors import (
    NotInvariant,
    PartitionState,
    ReadTimeoutError,
    UnknownTopicError,
    WaitError,
)

ROOT = Path(__file__).parents[3]
TEST = "tests/test_a.py::test_a"


def told(error: BaseException, remedy: Callable[[str], str] = lambda _: "") -> Any:
    """The failure that is reported for an error raised here, read back from JSON."""
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001  whatever it is
        message = f"{type(raised).__name__}: {raised}"
        return json.loads(
            json.dumps(failure(TEST, "call", raised, message, ROOT, remedy))
        )


def test_an_error_of_the_kits_has_its_facts() -> None:
    """The facts are the error's attributes by name, in types that JSON has."""
    found = told(
        ReadTimeoutError("orders", 60.0, [PartitionState(0, 3, 7, 5, (1000,))])
    )
    assert found["place"].pop("line") > 0
    assert found == {
        "nodeid": TEST,
        "phase": "call",
        "error": "ReadTimeoutError",
        "headline": (
            "Reading topic 'orders' made no progress for 60 s. Not read to their end:"
        ),
        "cause": [],
        "remedy": None,
        "place": {"file": "tests/unit/report/test_failure.py"},
        "message": (
            "ReadTimeoutError: Reading topic 'orders' made no progress for 60 s. Not "
            "read to their end:\n  partition 0: at offset 3 of 7, last stable offset 5\n"
            "Commit or abort an open transaction. If there is none, look at the "
            "broker's log."
        ),
        "facts": {
            "topic": "orders",
            "seconds": 60.0,
            "partitions": [
                {
                    "partition": 0,
                    "position": 3,
                    "target": 7,
                    "stable": 5,
                    "producers": [1000],
                }
            ],
        },
    }


def test_a_wait_has_its_causes_and_what_to_do() -> None:
    """Each cause is a sentence. All remedies are in one text."""
    late = Cause("1 row was dropped as late.", "Send in the order of time.")
    error = WaitError(
        "Wrong answer: missing 1\n  checked 2 times",
        "Give it more time.",
        expected={("a", 1): [1.5, float("nan")]},
        last={1: object},
        causes=[late],
    )
    assert str(error) == (
        "Wrong answer: missing 1\nGive it more time.\n  checked 2 times"
    )
    found = told(error)
    assert found["headline"] == "Wrong answer: missing 1"
    assert found["cause"] == ["1 row was dropped as late. Send in the order of time."]
    assert found["remedy"] == "Send in the order of time. Give it more time."
    assert found["facts"] == {
        "expected": {"('a', 1)": [1.5, "nan"]},
        "last": {"1": "<class 'object'>"},
        "checks": 0,
        "topics": {},
    }


def test_the_finding_of_a_check_can_be_seen_again() -> None:
    """The schedule and the call that replays it have fields of their own."""
    error = NotInvariant(
        "The answer of job depends on where batches end. By this schedule:\n  send",
        relation="batches",
        schedule="send a[0] | batch",
        seed=7,
        expected=[1],
        answer=None,
        records={"a[0]": ("k", "v")},
        replay='kafka.check_stream(job, inputs=..., schedule="send a[0] | batch")',
    )
    found = told(error)
    assert {
        name: found[name] for name in ("relation", "schedule", "seed", "replay")
    } == {
        "relation": "batches",
        "schedule": "send a[0] | batch",
        "seed": 7,
        "replay": 'kafka.check_stream(job, inputs=..., schedule="send a[0] | batch")',
    }
    assert found["facts"] == {
        "expected": [1],
        "answer": None,
        "records": {"a[0]": ["k", "v"]},
    }


def test_an_exception_of_sparks_is_taken_apart() -> None:
    """The cause is what the query died of. The kit may know a remedy."""
    from pyspark.errors import StreamingQueryException

    text = (
        "[STREAM_FAILED] Query [id = 67c2fcd5-0ecc-4a62-b7a4-a02d1300004d, runId = "
        "0c9f8b6a-1111-2222-3333-444455556666] terminated with exception: "
        "java.lang.IllegalStateException: no such topic SQLSTATE: XXKST"
    )
    found = told(StreamingQueryException(text), lambda asked: f"{len(asked)} letters")
    assert found["error"] == "StreamingQueryException"
    assert found["headline"] == "IllegalStateException: no such topic"
    assert found["cause"] == ["IllegalStateException: no such topic"]
    assert found["remedy"] == f"{len(text)} letters"


def test_any_other_error_has_its_first_line() -> None:
    """The headline of an assertion in the test is the first line of its message."""
    found = told(AssertionError("assert 1 == 2\n  more"))
    assert found["headline"] == "AssertionError: assert 1 == 2"
    assert (found["cause"], found["remedy"], found["facts"]) == ([], None, {})


def test_secrets_are_not_told() -> None:
    """A secret is hidden in the facts too."""
    error = UnknownTopicError("orders")
    error.hint = {"password": Secret("hunter2")}  # type: ignore[attr-defined]
    assert told(error)["facts"] == {"topic": "orders", "hint": {"password": "***"}}


def test_a_summary_is_a_table() -> None:
    """Names and messages appear unchanged in the rendered table."""
    failures = [
        {"nodeid": "t.py::test_a[x|y]", "message": "WaitError: a | b\n\n  <b>\nmore"},
        crashed("t.py::test_b", "worker 'gw0' crashed while running 't.py::test_b'"),
    ]
    assert markdown(failures) == (
        "### Kafka tests that failed\n\n"
        "| test | why |\n| --- | --- |\n"
        "| t.py::test\\_a\\[x\\|y\\] | WaitError: a \\| b<br>\\<b\\> |\n"
        "| t.py::test\\_b | worker 'gw0' crashed while running 't.py::test\\_b' |\n"
    )
    assert markdown(failures * 15).endswith("\n\nAnd 10 more.\n")
