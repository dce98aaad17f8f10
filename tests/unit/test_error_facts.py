"""What errors know beside their text."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._model.offsets import (
    PartitionOffsets,
    ReadRequest,
    TopicSnapshot,
)
from spark_kafka_testkit._waits.eventually import assert_eventually
from spark_kafka_testkit.errors import BrokerStartError, OffsetRangeError, WaitError

CAPTURED = TopicSnapshot(None, {0: PartitionOffsets(0, 5, 5)}, {})


def test_a_wait_knows_what_it_waited_for_and_what_it_saw() -> None:
    """Expected, the last result, and how often it looked."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: [1], [2], timeout=0)
    error = caught.value
    assert (error.expected, error.last, error.checks) == ([2], [1], 1)
    assert (error.topics, error.query) == ({}, None)


def test_a_wait_for_an_exception_to_go_has_it_as_the_last() -> None:
    """One that means not yet."""
    with pytest.raises(WaitError) as caught:
        assert_eventually(lambda: {}["k"], 1, timeout=0, retry_on=KeyError)
    assert isinstance(caught.value.last, KeyError)


@pytest.mark.parametrize(
    ("start", "partition", "offset"), [({0: 9}, 0, 9), ({3: 0}, 3, None)]
)
def test_an_offset_out_of_range_says_where(
    start: dict[int, int], partition: int, offset: int | None
) -> None:
    """Topic, partition and offset; none where there is no such partition."""
    with pytest.raises(OffsetRangeError) as caught:
        ReadRequest("t", start).ranges(CAPTURED)
    error = caught.value
    assert (error.topic, error.partition, error.offset) == ("t", partition, offset)


def test_a_broker_that_did_not_start_has_its_log_apart() -> None:
    """The reason goes on one line, where the log does not."""
    error = BrokerStartError("It ended.", "last line")
    assert (error.reason, error.log) == ("It ended.", "last line")
    assert str(error) == "It ended.\nThe end of its log:\nlast line"
