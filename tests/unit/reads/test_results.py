"""What the arguments of a read ask for, and which of them are refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from spark_kafka_testkit import KafkaUtils, Mark
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._reads.results import read_request


def request(
    start: Any = "earliest", end: Any = "latest", **options: Any
) -> ReadRequest:
    return read_request("t", start, end, **options)[0]


def test_the_defaults_are_all_that_is_committed() -> None:
    """A read goes up to the end, and bears a minute without progress."""
    assert request() == ReadRequest("t")
    assert request() == ReadRequest(
        "t", "earliest", "latest", None, "read_committed", "end", False, 60.0
    )


def test_arguments_go_where_they_belong() -> None:
    """Partitions are sorted, and each is there once; a datetime is milliseconds."""
    mark = Mark("t", {0: 5}, "id")
    asked = request(
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc),
        mark,
        partitions=(2, 0, 2),
        isolation="read_uncommitted",
        upto="stable",
        allow_deleted=True,
        timeout=1,
    )
    assert asked == ReadRequest(
        "t", 1000, mark, [0, 2], "read_uncommitted", "stable", True, 1
    )
    assert asked.times() == [1000]


def test_numbers_of_a_request_may_be_those_of_numpy() -> None:
    """They become plain ones, which go into JSON."""
    one = np.int64(1)
    asked = request({one: one}, one, partitions=[one])
    assert asked == ReadRequest("t", {1: 1}, 1, [1])
    numbers = [*asked.start, *asked.start.values(), asked.end, *asked.partitions]  # type: ignore[union-attr,misc]
    assert set(map(type, numbers)) == {int}


def test_a_dict_of_offsets_is_copied() -> None:
    """A later change of the caller's does not reach the read."""
    offsets = {0: 1}
    asked = request(offsets)
    offsets[0] = 2
    assert asked.start == {0: 1}


BOUND = (
    "{0} must be 'earliest', 'latest', a time (a datetime, or milliseconds since the "
    "epoch), or a dict of offsets by partition, not {1}"
)


@pytest.mark.parametrize(
    ("arguments", "error_type", "text"),
    [
        ({"start": "first"}, TypeError, BOUND.format("start", "'first'")),
        ({"end": None}, TypeError, BOUND.format("end", "None")),
        ({"start": True}, TypeError, BOUND.format("start", "True")),
        ({"start": 1.5}, TypeError, BOUND.format("start", "1.5")),
        ({"end": [5]}, TypeError, BOUND.format("end", "[5]")),
        ({"start": -1}, ValueError, "start is a time before 1970: -1"),
        (
            {"end": datetime(1969, 1, 1, tzinfo=timezone.utc)},
            ValueError,
            "end is a time before 1970: 1969-01-01 00:00:00+00:00",
        ),
        (
            {"start": {"0": 1}},
            TypeError,
            "start must map partitions to offsets, both int, got '0': 1",
        ),
        (
            {"end": {0: "latest"}},
            TypeError,
            "end must map partitions to offsets, both int, got 0: 'latest'",
        ),
        (
            {"start": {0: True}},
            TypeError,
            "start must map partitions to offsets, both int, got 0: True",
        ),
        (
            {"start": Mark("other", {})},
            ValueError,
            "The mark belongs to topic 'other', not to 't', which is read",
        ),
        (
            {"end": Mark("other", {})},
            ValueError,
            "The mark belongs to topic 'other', not to 't', which is read",
        ),
        ({"partitions": 0}, TypeError, "partitions must be a list of numbers, not 0"),
        (
            {"partitions": "01"},
            TypeError,
            "partitions must be a list of numbers, not '01'",
        ),
        (
            {"partitions": [0, 1.0]},
            TypeError,
            "partitions must be a list of numbers, not [0, 1.0]",
        ),
        (
            {"isolation": "committed"},
            ValueError,
            "Unknown isolation 'committed'. Choose one of: read_committed, read_uncommitted.",
        ),
        (
            {"upto": "lso"},
            ValueError,
            "Unknown upto 'lso'. Choose one of: end, stable.",
        ),
        (
            {"timeout": "1"},
            TypeError,
            "timeout must be a number of seconds, not str",
        ),
        (
            {"timeout": True},
            TypeError,
            "timeout must be a number of seconds, not bool",
        ),
        ({"timeout": 0}, ValueError, "timeout must be more than 0 s, got 0"),
        (
            {"timeout": float("nan")},
            ValueError,
            "timeout must be a number of seconds, got nan",
        ),
        (
            {"timeout": float("inf")},
            ValueError,
            "timeout must be at most 1,000,000 s, got inf",
        ),
        (
            {"key_deserializer": 5},
            TypeError,
            "key_deserializer must be a name or a callable, not int",
        ),
    ],
)
def test_an_argument_that_can_not_be_used_is_refused(
    arguments: dict[str, Any], error_type: type[Exception], text: str
) -> None:
    """Each of the calls refuses it before anything is read."""
    options = dict(arguments)
    bounds = [options.pop("start", "earliest"), options.pop("end", "latest")]
    with pytest.raises(error_type) as caught:
        read_request("t", *bounds, **options)
    assert str(caught.value) == text
    kafka = KafkaUtils(backend="embedded")
    for call in (kafka.read_records, kafka.iter_records, kafka.read_arrow):
        with pytest.raises(error_type):
            call("t", *bounds, **options)


def test_records_since_takes_a_mark_alone() -> None:
    """It takes the options of a read, too."""
    kafka = KafkaUtils(backend="embedded")
    with pytest.raises(TypeError) as caught:
        kafka.records_since("t")  # type: ignore[arg-type]
    assert str(caught.value) == "mark must be the result of mark(topic), not str"
    with pytest.raises(ValueError, match="timeout must be more than 0 s"):
        kafka.records_since(Mark("t", {}), timeout=-1)
