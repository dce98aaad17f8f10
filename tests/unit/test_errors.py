"""The tree of errors, the texts that their facts make, and the helper's failures."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils, errors
from spark_kafka_testkit.errors import BrokerStartError, PartitionState, SendFailure

TREE = re.findall(r"── (\w+)\s+(?:\((\w+)\))?", errors.__doc__ or "")

DELETED = (
    "Topic 't' was deleted while it was read. "
    "Stop what writes to it before you delete or recreate it."
)
UNKNOWN = (
    "Topic 't' does not exist, and the broker did not create it. "
    "Check the name, or call create_topics(['t']) first."
)
GONE = (
    "Topic 't', partition 2: the records from offset 5 up to 9 were deleted while the "
    "topic was read. Read with allow_deleted=True, or keep the records longer (retention.ms, "
    "retention.bytes)."
)
NO_BROKER = (
    "No Kafka broker answers at h:1: gone. Check that the broker runs, and that this "
    "address is the one it advertises to clients on this machine."
)
STALLED = (
    "Reading topic 't' made no progress for 1.5 s. Not read to their end:\n"
    "  partition 0: at offset 3 of 7, held by a transaction open since offset 3 by "
    "producer 7\n"
    "  partition 4: at offset 1 of 2, last stable offset 2\n"
    "Commit or abort an open transaction. If there is none, look at the broker's log."
)
STALLED_DATA = {
    "topic": "t",
    "seconds": 1.5,
    "partitions": [
        {"partition": 0, "position": 3, "target": 7, "stable": 3, "producers": [7]},
        {"partition": 4, "position": 1, "target": 2, "stable": 2, "producers": [7]},
    ],
}


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
    error_class = getattr(errors, name)
    assert issubclass(error_class, errors.KafkaTestkitError)
    if builtin:
        assert issubclass(error_class, getattr(__import__("builtins"), builtin))


@pytest.mark.parametrize(
    ("error_class", "parents"),
    [
        (errors.NotSetUpError, {RuntimeError}),
        (errors.BrokerStartError, {RuntimeError}),
        (errors.JavaNotFoundError, {errors.BrokerStartError, RuntimeError}),
        (errors.BrokerUnreachableError, {RuntimeError}),
        (errors.MissingDependencyError, {ImportError}),
        (errors.JarError, {RuntimeError}),
        (errors.HelperError, {RuntimeError}),
        (errors.SparkSetupError, {RuntimeError}),
        (errors.UnknownTopicError, {LookupError}),
        (errors.TopicExistsError, {ValueError}),
        (errors.TopicError, {RuntimeError}),
        (errors.SendError, {RuntimeError}),
        (errors.ReadError, {RuntimeError}),
        (errors.ReadTimeoutError, {errors.ReadError, RuntimeError, TimeoutError, OSError}),
        (errors.RecordsDeletedError, {errors.ReadError, RuntimeError}),
        (errors.TopicChangedError, {errors.ReadError, RuntimeError}),
        (errors.SerializationError, {ValueError}),
        (errors.DeserializationError, {ValueError}),
        (errors.WaitError, {AssertionError}),
    ],
)  # fmt: skip
def test_each_class_has_the_parents_that_the_docstring_draws(
    error_class: type[Exception], parents: set[type[Exception]]
) -> None:
    """It has no others, which a user's except might catch by accident."""
    common = {error_class, errors.KafkaTestkitError, Exception, BaseException, object}
    assert set(error_class.__mro__) == parents | common


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
            "Topic 't' exists with 1 partition(s), but 3 were requested. Use another "
            "name, or call delete_topics(['t']) first.",
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
            "Commit or abort an open transaction. If there is none, look at the "
            "broker's log.",
        ),
        (
            errors.RecordsDeletedError("t", 2, 5, 9),
            "Topic 't', partition 2: the records from offset 5 up to 9 were deleted "
            "while the topic was read. Read with allow_deleted=True, or keep the records longer "
            "(retention.ms, retention.bytes).",
        ),
        (errors.UnknownTopicError("t"), UNKNOWN),
        (errors.TopicChangedError("t", "deleted"), DELETED),
        (
            errors.ReadTimeoutError(
                "t", 1.5, [PartitionState(0, 3, 7, 3, (7,)), PartitionState(4, 1, 2, 2)]
            ),
            STALLED,
        ),
        (
            errors.SendError("t", 1, 0, 0, 1, [SendFailure(0, "unknown", "E", "slow")]),
            "1 of 1 messages to topic 't' were not acknowledged "
            "(0 acked, 0 failed, 1 unknown):\n"
            "  message 0 unknown: E: slow",
        ),
        (
            errors.DeserializationError("t", 0, 1, "key", "INT", None, "why"),
            "The key of topic 't', partition 0, offset 1 does not decode as INT: why. "
            "It is None. Give another key_deserializer.",
        ),
        (errors.HelperError("Odd.", "Mend it.", trace="at X:1"), "Odd. Mend it."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_text_is_made_from_the_facts(error: Exception, text: str) -> None:
    """It says what failed, what was seen, and what to do."""
    assert str(error) == text


def test_an_error_survives_a_copy_and_another_process() -> None:
    """Its text, its facts and its classes are those of the original."""
    failures = [SendFailure(0, "failed", "E", "no")]
    for error in (
        errors.SendError("t", 9, 1, 7, 1, failures),
        errors.UnknownTopicError("t"),
        errors.ReadTimeoutError("t", 60, [PartitionState(0, 5, 9, 9)]),
        errors.KafkaTestkitError("What.", "Do."),
    ):
        for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
            assert type(copied) is type(error)
            assert str(copied) == str(error)
            assert vars(copied) == vars(error)


def test_five_failures_are_shown_without_a_count_of_more() -> None:
    """'and 0 more' is not said."""
    failures = [SendFailure(n, "failed", "E", "why") for n in range(5)]
    lines = str(errors.SendError("t", 5, 0, 5, 0, failures)).splitlines()
    assert lines[1:] == [f"  message {n} failed: E: why" for n in range(5)]


def test_failures_that_were_not_listed_are_counted() -> None:
    """The client keeps only the first hundred; the counts are of all."""
    failures = [SendFailure(n, "failed", "E", "why") for n in range(100)]
    error = errors.SendError("t", 1000, 0, 700, 300, failures)
    assert str(error).splitlines()[-1] == "  and 995 more (see .failures)"


def test_a_broker_that_did_not_start_has_its_log_apart() -> None:
    """The reason goes on one line, where the log does not."""
    error = BrokerStartError("It ended.", "last line")
    assert (error.reason, error.log) == ("It ended.", "last line")
    assert str(error) == "It ended.\nThe end of its log:\nlast line"


@pytest.mark.parametrize(
    ("code", "data", "error_class"),
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
    code: str, data: dict[str, object], error_class: type[Exception]
) -> None:
    """The Java trace is its cause."""
    error = errors.from_helper(code, data, "at Some.java:1")
    assert type(error) is error_class
    assert str(error.__cause__) == "Raised in the JVM:\nat Some.java:1"


def test_an_unknown_failure_of_the_helper_keeps_its_trace() -> None:
    """Nothing is lost of what has no class of its own."""
    error = errors.from_helper("HelperError", {"reason": "odd"}, "at Some.java:1")
    assert isinstance(error, errors.HelperError)
    assert (str(error), error.trace) == ("The JVM helper failed: odd", "at Some.java:1")


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        ("UnknownTopicError", {"topic": "t"}, UNKNOWN),
        ("BrokerUnreachableError", {"bootstrap_servers": "h:1", "reason": "gone."}, NO_BROKER),
        ("TopicChangedError", {"topic": "t", "change": "deleted"}, DELETED),
        ("RecordsDeletedError", {"topic": "t", "partition": 2, "start": 5, "end": 9}, GONE),
        ("ReadTimeoutError", STALLED_DATA, STALLED),
    ],
)  # fmt: skip
def test_a_failure_of_the_helper_has_the_text_of_its_class(
    code: str, data: dict[str, Any], text: str
) -> None:
    """The text is the same when Python raises it."""
    error = errors.from_helper(code, data, "at Some.java:1")
    assert (type(error).__name__, str(error)) == (code, text)


def test_the_cause_of_a_failure_of_the_helper_has_the_java_trace() -> None:
    """It is a text that Python prints, and an attribute."""
    cause = errors.from_helper("UnknownTopicError", {"topic": "t"}, "at X:1").__cause__
    assert isinstance(cause, errors.HelperError)
    assert (str(cause), cause.trace) == ("Raised in the JVM:\nat X:1", "at X:1")


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        ("Odd", {}, "The JVM helper failed: Odd"),
        ("HelperError", {"reason": "why"}, "The JVM helper failed: why"),
        ("Odd", {"reason": "why", "more": 1}, "The JVM helper failed: why"),
    ],
)
def test_a_failure_without_a_class_is_a_helper_error(
    code: str, data: dict[str, Any], text: str
) -> None:
    """It has the reason, or the code where there is none, and the trace is kept."""
    error = errors.from_helper(code, data, "at X:1")
    assert isinstance(error, errors.HelperError)
    assert (str(error), error.trace) == (text, "at X:1")


def test_a_failure_without_a_class_shows_its_java_trace() -> None:
    """The trace comes along as its cause, as from_helper's docstring says."""
    error = errors.from_helper("HelperError", {"reason": "why"}, "at X:1")
    assert "at X:1" in str(error.__cause__)


def test_a_notebook_shows_the_users_own_lines() -> None:
    """By the hook that IPython looks for; then the whole text."""
    with pytest.raises(errors.NotSetUpError) as caught:
        KafkaUtils().create_topics(["t"])
    lines = caught.value._render_traceback_()
    assert len(lines) == 2
    assert 'KafkaUtils().create_topics(["t"])' in lines[0]
    assert lines[1] == (
        "NotSetUpError: KafkaUtils is not set up: create_topics() needs a broker. Call "
        "setup() first."
    )
