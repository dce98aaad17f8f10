"""Bad input to the pytest plugin and the unittest mixin."""

from __future__ import annotations

import re
from typing import Any

import pytest

from spark_kafka_testkit._leftovers import topic_name
from tests.bad_input import Hostile
from tests.plugin.conftest import PLUGIN, Inner, text_of

pytest_plugins = ["pytester"]

ADDRESS = "host:port, or several separated by commas"
IMAGE = "the name of an image, for example apache/kafka:4.1.0"
TAG = "a tag of Confluent's image, for example 7.4.0"
SETTING = "NAME=VALUE, for example message.max.bytes=2000000"


@pytest.mark.parametrize(
    ("option", "value", "valid"),
    [
        *(
            ("--kafka-bootstrap-servers", address, ADDRESS)
            for address in ("host", "host:x", ":1", "h:0", "h:65536", "h:1,", "a b:1")
        ),
        *(("--kafka-image", image, IMAGE) for image in ("two words", "é", "\udcff")),
        *(("--kafka-version", tag, TAG) for tag in ("7 4", "é", "-7", "7" * 129)),
        *(
            ("--kafka-broker-config", line, SETTING)
            for line in ("a", "=b", "a=\udcff", "\udcff=b")
        ),
    ],
)
def test_an_option_that_can_not_be_used(
    pytester: pytest.Pytester, option: str, value: str, valid: str
) -> None:
    """It ends the run before it begins. The message says what is valid."""
    with pytest.raises(pytest.UsageError) as caught:
        pytester.parseconfigure(*PLUGIN, f"{option}={value}")
    assert str(caught.value) == f"{option}: {value!r} is not valid, expected {valid}"


MARKERS = {
    "partitions=True": "partitions must be an int, not bool.",
    "partitions=1.0": "partitions must be an int, not float.",
    "partitions=None": "partitions must be an int, not NoneType.",
    "partitions=1 << 31": "partitions must be at most 2,147,483,647, got 2147483648.",
    "topics=5": "topics must be a list of labels, got 5.",
    "topics=['a', '']": "topics must be a list of labels, got ['a', ''].",
    "topics=[None]": "topics must be a list of labels, got [None].",
    "topics=[['a']]": "topics must be a list of labels, got [['a']].",
}
CALLS = {
    "partitions=0": "ValueError: num_partitions must be at least 1, got 0",
    "partitions='1'": "TypeError: num_partitions must be an int, not str",
    "label=5": "TypeError: label must be a str, not int",
    "label=None": "TypeError: label must be a str, not NoneType",
    "label='x' * 151": "ValueError: label must be at most 150 characters long, got 151",
}


def test_markers_and_factories(inner: Inner) -> None:
    """Each test fails because of its own bad value, and no topic is created."""
    lines = ["import pytest"]
    for number, marker in enumerate(MARKERS):
        lines += [
            f"@pytest.mark.kafka({marker})",
            f"def test_marker_{number}(kafka_topic): pass",
        ]
    for number, call in enumerate(CALLS):
        lines += [
            f"def test_factory_{number}(kafka_topic_factory):",
            f"    kafka_topic_factory({call})",
        ]
    lines += [
        "def test_nothing_is_made(kafka_utils):",
        "    topics = kafka_utils.admin_client.list_topics()",
        "    assert not [name for name in topics if name.startswith('test_factory_')]",
    ]
    result = inner("-p", "no:randomly", test_it="\n".join(lines))
    result.assert_outcomes(errors=len(MARKERS), failed=len(CALLS), passed=1)
    said = text_of(result)
    for text in MARKERS.values():
        assert f"@pytest.mark.kafka: {text}" in said
    for text in CALLS.values():
        assert re.search(f"^E +{re.escape(text)}$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("label", "kind", "text"),
    [
        (5, TypeError, "label must be a str, not int"),
        (b"a", TypeError, "label must be a str, not bytes"),
        (Hostile(), TypeError, "label must be a str, not Hostile"),
        (
            "\ud800",
            ValueError,
            "label must be text that UTF-8 can encode, got '\\ud800'",
        ),
        (
            "x" * 151,
            ValueError,
            "label must be at most 150 characters long, got 151",
        ),
    ],
    ids=["int", "bytes", "hostile", "surrogate", "long"],
)
def test_a_label(label: Any, kind: type[Exception], text: str) -> None:
    """A label must leave room for the rest of the topic's name."""
    with pytest.raises(kind) as caught:
        topic_name("test", label)
    assert str(caught.value) == text


def test_the_longest_label_makes_a_name_that_kafka_allows() -> None:
    """The test's name is shortened to make room."""
    assert len(topic_name("t" * 300, "x" * 150)) == 249


def test_a_mixin_that_makes_nothing(pytester: pytest.Pytester) -> None:
    """The message names the likely mistake, a missing `return`."""
    pytester.makepyfile(
        "import unittest\n"
        "from spark_kafka_testkit.testing import KafkaTestMixin\n"
        "class ItTest(KafkaTestMixin, unittest.TestCase):\n"
        "    @classmethod\n"
        "    def make_kafka_utils(cls):\n"
        "        pass\n"
        "    def test_it(self):\n"
        "        pass\n"
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    assert (
        "TypeError: make_kafka_utils() must return a KafkaUtils, not NoneType. Is "
        "`return` missing?"
    ) in text_of(result)
