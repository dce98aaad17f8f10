"""The tree of errors, and the texts that their facts make."""

from __future__ import annotations

import re

import pytest

from spark_kafka_testkit import errors
from spark_kafka_testkit.errors import PartitionState, SendFailure

TREE = re.findall(r"── (\w+)\s+(?:\((\w+)\))?", errors.__doc__ or "")


def test_the_docstring_draws_every_class() -> None:
    """No error is left out of the tree."""
    classes = {
        name
        for name in errors.__all__
        if issubclass(getattr(errors, name), errors.KafkaTestkitError)
    }
    assert {name for name, _ in TREE} | {"KafkaTestkitError"} == classes


@pytest.mark.parametrize(("name", "builtin"), TREE)
def test_each_class_is_also_what_the_docstring_says(name: str, builtin: str) -> None:
    """Code that catches the builtin, as the document tells it to, catches ours."""
    kind = getattr(errors, name)
    assert issubclass(kind, errors.KafkaTestkitError)
    if builtin:
        assert issubclass(kind, getattr(__import__("builtins"), builtin))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.BrokerUnreachableError("h:1", "it timed out."),
            "No Kafka broker answers at h:1: it timed out. Check that the broker runs, "
            "and that this address is the one it advertises to clients on this machine.",
        ),
        (
            errors.TopicExistsError("t", asked=3, found=1),
            "Topic 't' exists with 1 partition(s), and 3 were asked for. "
            "Use another name, or call delete_topics(['t']) first.",
        ),
        (
            errors.SendError(
                "t",
                9,
                1,
                7,
                1,
                [SendFailure(n, "failed", "E", f"no {n}") for n in range(8)],
            ),
            "8 of 9 messages to topic 't' were not acknowledged "
            "(1 acked, 7 failed, 1 unknown):\n"
            "  message 0 failed: E: no 0\n  message 1 failed: E: no 1\n"
            "  message 2 failed: E: no 2\n  message 3 failed: E: no 3\n"
            "  message 4 failed: E: no 4\n  and 3 more (see .failures)",
        ),
        (
            errors.ReadTimeoutError("t", 60, [PartitionState(0, 5, 9, 9)]),
            "Reading topic 't' made no progress for 60 s. Not read to their end:\n"
            "  partition 0: at offset 5 of 9, last stable offset 9\n"
            "Commit or abort an open transaction; if there is none, "
            "look at the broker's log.",
        ),
        (
            errors.RecordsDeletedError("t", 2, 5, 9),
            "Topic 't', partition 2: the records from offset 5 up to 9 were deleted "
            "while the topic was read. Read with allow_deleted=True, or keep the records longer "
            "(retention.ms, retention.bytes).",
        ),
    ],
)
def test_texts(error: Exception, text: str) -> None:
    """What failed, what was seen, what to do."""
    assert str(error) == text


@pytest.mark.parametrize(
    ("code", "data", "kind"),
    [
        ("UnknownTopicError", {"topic": "t"}, errors.UnknownTopicError),
        (
            "BrokerUnreachableError",
            {"bootstrap_servers": "h:1", "reason": "gone."},
            errors.BrokerUnreachableError,
        ),
        (
            "TopicChangedError",
            {"topic": "t", "change": "deleted"},
            errors.TopicChangedError,
        ),
        (
            "RecordsDeletedError",
            {"topic": "t", "partition": 0, "start": 1, "end": 2},
            errors.RecordsDeletedError,
        ),
        (
            "ReadTimeoutError",
            {
                "topic": "t",
                "seconds": 1.0,
                "partitions": [
                    {
                        "partition": 0,
                        "position": 0,
                        "target": 1,
                        "stable": 0,
                        "producers": [7],
                    }
                ],
            },
            errors.ReadTimeoutError,
        ),
    ],
)
def test_a_failure_of_the_helper_becomes_its_class(
    code: str, data: dict[str, object], kind: type[Exception]
) -> None:
    """With the Java trace as its cause."""
    error = errors.from_helper(code, data, "at Some.java:1")
    assert type(error) is kind
    assert str(error.__cause__) == "Raised in the JVM:\nat Some.java:1"


def test_an_unknown_failure_of_the_helper_keeps_its_trace() -> None:
    """Nothing is lost of what has no class of its own."""
    error = errors.from_helper("HelperError", {"reason": "odd"}, "at Some.java:1")
    assert isinstance(error, errors.HelperError)
    assert (str(error), error.trace) == ("The JVM helper failed: odd", "at Some.java:1")
