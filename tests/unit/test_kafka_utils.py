"""The API of Spark's document: its signatures, its errors, misuse that people make, and
what works without a broker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import NotSetUpError, WaitError

Call = Callable[[Any], object]
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
CALLS: dict[str, Call] = {
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
NO_BACKEND = ["SPARK_KAFKA_TESTKIT_BACKEND", "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"]
KNOWN = (
    "STRING, BINARY, BYTES, SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON, "
    "or give a callable that takes bytes."
)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> KafkaUtils:
    """A KafkaUtils before setup(), whatever the environment asks for."""
    for name in NO_BACKEND:
        monkeypatch.delenv(name, raising=False)
    return KafkaUtils()


@pytest.mark.parametrize("method", DOCUMENT)
def test_parameters_are_the_documents(method: str) -> None:
    """Names, order and defaults are; what the kit adds is by keyword only."""
    parameters = inspect.signature(getattr(KafkaUtils, method)).parameters
    defaults = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    assert defaults == DOCUMENT[method]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_before_setup_says_so(call: str) -> None:
    """The error is a RuntimeError, as the document's own KafkaUtils raises."""
    with pytest.raises(RuntimeError) as caught:
        CALLS[call](KafkaUtils())
    assert isinstance(caught.value, NotSetUpError)
    assert str(caught.value) == (
        f"KafkaUtils is not set up: {call} needs a broker. Call setup() first."
    )


@pytest.mark.parametrize(
    ("call", "error_type", "text"),
    [
        (
            lambda kafka: kafka.create_topics("events"),
            TypeError,
            "topic_names must be a list of names, not a str. Write ['events']",
        ),
        (
            lambda kafka: kafka.delete_topics("events"),
            TypeError,
            "topic_names must be a list of names, not a str. Write ['events']",
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
            "num_partitions must be at least 1, got -1",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], num_partitions="3"),
            TypeError,
            "num_partitions must be an int, not str",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], replication_factor=0),
            ValueError,
            "replication_factor must be at least 1, got 0",
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
        (
            lambda kafka: kafka.create_topics(b"t"),
            TypeError,
            "topic_names must be a list of names, not a bytes. Write [b't']",
        ),
        (
            lambda kafka: kafka.create_topics(5),
            TypeError,
            "topic_names must be a list of names, not int",
        ),
        (
            lambda kafka: kafka.create_topics(["t", b"u"]),
            TypeError,
            "topic_names[1] must be a str, not bytes",
        ),
        (
            lambda kafka: kafka.delete_topics(["t", ""]),
            ValueError,
            "topic_names[1] must not be empty",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], 0),
            ValueError,
            "num_partitions must be at least 1, got 0",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], True),
            TypeError,
            "num_partitions must be an int, not bool",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], 1.0),
            TypeError,
            "num_partitions must be an int, not float",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], 1, True),
            TypeError,
            "replication_factor must be an int, not bool",
        ),
        (
            lambda kafka: kafka.create_topics(["t"], 1, -1),
            ValueError,
            "replication_factor must be at least 1, got -1",
        ),
        (
            lambda kafka: kafka.send_messages("t", "kv"),
            TypeError,
            "messages must be a list of (key, value) pairs or Records, or a table, not str",
        ),
        (
            lambda kafka: kafka.send_messages("t", ("k", "v")),
            TypeError,
            "messages must be (key, value) pairs or Records, but message 0 is 'k'. For "
            "a value without a key, send (None, value).",
        ),
        (
            lambda kafka: kafka.send_messages("t", ["ab", "cd"]),
            TypeError,
            "messages must be (key, value) pairs or Records, but message 0 is 'ab'. "
            "For a value without a key, send (None, value).",
        ),
        (
            lambda kafka: kafka.send_messages(b"t", []),
            TypeError,
            "topic must be a str, not bytes",
        ),
        (
            lambda kafka: kafka.get_all_records(None, ""),
            ValueError,
            "topic must not be empty",
        ),
        (
            lambda kafka: kafka.get_all_records(None, "t", "AVRO"),
            ValueError,
            f"Unknown key_deserializer 'AVRO'. Choose one of: {KNOWN}",
        ),
        (
            lambda kafka: kafka.get_all_records(None, "t", value_deserializer=None),
            TypeError,
            "value_deserializer must be a name or a callable, not NoneType",
        ),
        (
            lambda kafka: kafka.wait_for_query_alive(object()),
            TypeError,
            "query must be a StreamingQuery, not object. Is .start() missing?",
        ),
        (
            lambda kafka: kafka.assert_eventually({}, {}),
            TypeError,
            "result_func must be a function that returns the current result, not dict. "
            "Write: assert_eventually(lambda: ..., expected)",
        ),
    ],
)
def test_misuse_is_reported_before_the_missing_setup(
    kafka: KafkaUtils, call: Call, error_type: type[Exception], text: str
) -> None:
    """The argument is wrong with a broker and without."""
    with pytest.raises(error_type) as caught:
        call(kafka)
    assert not isinstance(caught.value, NotSetUpError)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda kafka: kafka.create_topics([]), "create_topics()"),
        (lambda kafka: kafka.create_topics(("t",)), "create_topics()"),
        (lambda kafka: kafka.create_topics(n for n in "ab"), "create_topics()"),
        (lambda kafka: kafka.delete_topics({"t"}), "delete_topics()"),
        (lambda kafka: kafka.send_messages("t", []), "send_messages()"),
        (lambda kafka: kafka.send_messages("t", iter([])), "send_messages()"),
        (lambda kafka: kafka.send_messages("t", {}.items()), "send_messages()"),
        (lambda kafka: kafka.get_all_records(None, "t", "int", len), "get_all_records()"),
        (lambda kafka: kafka.network_broker, "network_broker"),
        (lambda kafka: kafka.create_topics(["t"], np.int64(2)), "create_topics()"),
        (lambda kafka: kafka.wait_for_records("t", np.int64(2)), "wait_for_records()"),
    ],
)  # fmt: skip
def test_arguments_that_can_be_used_come_as_far_as_the_missing_setup(
    kafka: KafkaUtils, call: Call, name: str
) -> None:
    """Names and messages may be in any iterable, and deserializers of any kind."""
    with pytest.raises(NotSetUpError) as caught:
        call(kafka)
    assert str(caught.value) == (
        f"KafkaUtils is not set up: {name} needs a broker. Call setup() first."
    )


def test_assert_eventually_needs_no_broker(kafka: KafkaUtils) -> None:
    """It compares what a function gives, wherever that comes from."""
    kafka.assert_eventually(lambda: 1, 1)
    with pytest.raises(WaitError):
        kafka.assert_eventually(lambda: 1, 2, timeout=0)


def test_after_teardown_the_calls_are_as_before_setup(kafka: KafkaUtils) -> None:
    """A teardown that had nothing to do leaves nothing half set up."""
    kafka.teardown()
    with pytest.raises(NotSetUpError) as caught:
        _ = kafka.broker
    assert str(caught.value) == (
        "KafkaUtils is not set up: broker needs a broker. Call setup() first."
    )


def test_teardown_without_setup_does_nothing() -> None:
    """A second call does nothing either."""
    kafka = KafkaUtils()
    kafka.teardown()
    kafka.teardown()
    assert not kafka.initialized
    assert repr(kafka) == "<KafkaUtils: not set up>"
    assert kafka.kafka_version == "7.4.0"


@pytest.mark.parametrize("call", [KafkaUtils.spark_conf, KafkaUtils.attach])
def test_the_calls_about_spark_need_no_object(call: Callable[..., Any]) -> None:
    """They are static: a session is configured before there is a broker."""
    assert not hasattr(call, "__self__")
    assert getattr(KafkaUtils(backend="embedded"), call.__name__) is call


def test_a_bad_backend_is_refused_when_the_object_is_made() -> None:
    """The error does not wait for a test's setup()."""
    with pytest.raises(ValueError, match="backend") as caught:
        KafkaUtils(backend="docker")
    assert str(caught.value) == (
        "Unknown backend 'docker'. Choose one of: auto, container, embedded, external."
    )
