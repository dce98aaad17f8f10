"""Arguments of KafkaUtils that can't be used, and what works without a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import NotSetUpError, WaitError

Call = Callable[[Any], object]

NO_BACKEND = ["SPARK_KAFKA_TESTKIT_BACKEND", "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"]
KNOWN = (
    "STRING, BINARY, BYTES, SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON, "
    "or a callable that takes bytes"
)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> KafkaUtils:
    """A KafkaUtils before setup(), whatever the environment asks for."""
    for name in NO_BACKEND:
        monkeypatch.delenv(name, raising=False)
    return KafkaUtils()


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda kafka: kafka.create_topics(b"t"),
            TypeError,
            "topic_names must be a list of names, not a bytes; write [b't']",
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
            "num_partitions must be at least 1, and is 0",
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
            "replication_factor must be at least 1, and is -1",
        ),
        (
            lambda kafka: kafka.send_messages("t", "kv"),
            TypeError,
            "messages must be a list of (key, value) pairs or Records, or a table, not str",
        ),
        (
            lambda kafka: kafka.send_messages("t", ("k", "v")),
            TypeError,
            "messages must be (key, value) pairs or Records; message 0 is 'k'. "
            "For a value without a key send (None, value).",
        ),
        (
            lambda kafka: kafka.send_messages("t", ["ab", "cd"]),
            TypeError,
            "messages must be (key, value) pairs or Records; message 0 is 'ab'. "
            "For a value without a key send (None, value).",
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
            f"key_deserializer='AVRO' is not known; give one of {KNOWN}",
        ),
        (
            lambda kafka: kafka.get_all_records(None, "t", value_deserializer=None),
            TypeError,
            "value_deserializer must be a name or a callable, not NoneType",
        ),
        (
            lambda kafka: kafka.wait_for_query_alive(object()),
            TypeError,
            "query must be a StreamingQuery, not object; is .start() missing?",
        ),
        (
            lambda kafka: kafka.assert_eventually({}, {}),
            TypeError,
            "result_func must be a function that gives the current result, not dict; "
            "write: assert_eventually(lambda: ..., expected)",
        ),
    ],
)
def test_misuse_is_told_before_the_missing_setup(
    kafka: KafkaUtils, call: Call, kind: type[Exception], text: str
) -> None:
    """The argument is wrong with a broker and without."""
    with pytest.raises(kind) as caught:
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
    """Names in any iterable, messages in any iterable, deserializers of any kind."""
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


@pytest.mark.parametrize("call", [KafkaUtils.spark_conf, KafkaUtils.attach])
def test_the_calls_about_spark_need_no_object(call: Callable[..., Any]) -> None:
    """They are static: a session is configured before there is a broker."""
    assert not hasattr(call, "__self__")
    assert getattr(KafkaUtils(backend="embedded"), call.__name__) is call


def test_a_bad_backend_is_told_when_the_object_is_made() -> None:
    """Not when a test's setup() has begun."""
    with pytest.raises(ValueError, match="backend") as caught:
        KafkaUtils(backend="docker")
    assert str(caught.value) == (
        "backend='docker' is not known; valid are auto, container, embedded, external"
    )
