"""The API of the document: its signatures, its errors, and misuse that people make."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import NotSetUpError

EMPTY = inspect.Parameter.empty
DOCUMENT = {
    "__init__": {"kafka_version": "7.4.0"},
    "setup": {},
    "teardown": {},
    "create_topics": {
        "topic_names": EMPTY,
        "num_partitions": 1,
        "replication_factor": 1,
    },
    "delete_topics": {"topic_names": EMPTY},
    "send_messages": {"topic": EMPTY, "messages": EMPTY},
    "get_all_records": {
        "spark": EMPTY,
        "topic": EMPTY,
        "key_deserializer": "STRING",
        "value_deserializer": "STRING",
    },
    "assert_eventually": {
        "result_func": EMPTY,
        "expected": EMPTY,
        "timeout": 60,
        "interval": 1.0,
    },
    "wait_for_query_alive": {"query": EMPTY, "timeout": 60, "interval": 1.0},
}
CALLS: dict[str, Callable[[KafkaUtils], object]] = {
    "broker": lambda kafka: kafka.broker,
    "backend": lambda kafka: kafka.backend,
    "producer": lambda kafka: kafka.producer,
    "admin_client": lambda kafka: kafka.admin_client,
    "client": lambda kafka: kafka.client,
    "create_topics()": lambda kafka: kafka.create_topics(["t"]),
    "delete_topics()": lambda kafka: kafka.delete_topics(["t"]),
    "send_messages()": lambda kafka: kafka.send_messages("t", [("k", "v")]),
    "get_all_records()": lambda kafka: kafka.get_all_records(None, "t"),
}


@pytest.mark.parametrize("method", DOCUMENT)
def test_parameters_are_the_documents(method: str) -> None:
    """Names, order and defaults; what the kit adds is by keyword only."""
    parameters = inspect.signature(getattr(KafkaUtils, method)).parameters
    found = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    assert found == DOCUMENT[method]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_before_setup_says_so(call: str) -> None:
    """A RuntimeError, as the document's own KafkaUtils raises."""
    with pytest.raises(RuntimeError) as caught:
        CALLS[call](KafkaUtils())
    assert isinstance(caught.value, NotSetUpError)
    assert str(caught.value) == (
        f"KafkaUtils is not set up: {call} needs a broker. Call setup() first."
    )


def test_teardown_without_setup_does_nothing() -> None:
    """Twice, too."""
    kafka = KafkaUtils()
    kafka.teardown()
    kafka.teardown()
    assert not kafka.initialized
    assert repr(kafka) == "<KafkaUtils: not set up>"
    assert kafka.kafka_version == "7.4.0"


@pytest.mark.parametrize(
    ("misuse", "kind", "text"),
    [
        (
            lambda kafka: kafka.create_topics("events"),
            TypeError,
            "topic_names must be a list of names, not a str; write ['events']",
        ),
        (
            lambda kafka: kafka.delete_topics("events"),
            TypeError,
            "topic_names must be a list of names, not a str; write ['events']",
        ),
        (
            lambda kafka: kafka.create_topics(None),
            TypeError,
            "topic_names must be a list of names, not NoneType",
        ),
        (
            lambda kafka: kafka.create_topics([""]),
            ValueError,
            "topic_names[0] must not be empty",
        ),
        (
            lambda kafka: kafka.create_topics([7]),
            TypeError,
            "topic_names[0] must be a str, not int",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], num_partitions=-1),
            ValueError,
            "num_partitions must be at least 1, and is -1",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], num_partitions="3"),
            TypeError,
            "num_partitions must be an int, not str",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], replication_factor=0),
            ValueError,
            "replication_factor must be at least 1, and is 0",
        ),
        (
            lambda kafka: kafka.send_messages("", []),
            ValueError,
            "topic must not be empty",
        ),
        (
            lambda kafka: kafka.send_messages("t", {"k": "v"}),
            TypeError,
            "messages must be a list of (key, value) pairs or Records, or a table, not dict "
            "(give its items())",
        ),
        (
            lambda kafka: kafka.send_messages("t", None),
            TypeError,
            "messages must be a list of (key, value) pairs or Records, or a table, not NoneType",
        ),
        (
            lambda kafka: kafka.send_messages([("k", "v")], "t"),
            TypeError,
            "topic must be a str, not list",
        ),
        (
            lambda kafka: kafka.get_all_records("t", None),
            TypeError,
            "spark must be a SparkSession, not str",
        ),
    ],
)
def test_misuse_is_told_before_anything_happens(
    misuse: Callable[[Any], object], kind: type[Exception], text: str
) -> None:
    """The argument, what it is, what it must be."""
    with pytest.raises(kind) as caught:
        misuse(KafkaUtils())
    assert str(caught.value) == text
