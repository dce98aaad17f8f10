"""Progress: how far a read has come, and when it is at its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from spark_kafka_testkit._model.offsets import (
    EPOCH,
    Coverage,
    Mark,
    PartitionOffsets,
    Progress,
    Range,
    ReadRequest,
    TopicSnapshot,
    to_millis,
)
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit.errors import (
    OffsetRangeError,
    RecordsDeletedError,
    TopicChangedError,
)


def progress(start: int = 5, target: int = 9) -> Progress:
    """The progress of a read of this range."""
    return Progress(Range(start, target))


def test_a_read_begins_at_the_beginning_offset() -> None:
    """It goes to the target."""
    assert (progress().position, progress().target) == (5, 9)


@pytest.mark.parametrize(
    ("beginning", "end", "is_done"), [(0, 0, True), (7, 7, True), (0, 1, False)]
)
def test_an_empty_range_is_done_at_once(
    beginning: int, end: int, is_done: bool
) -> None:
    """Nothing is waited for where nothing is."""
    assert progress(beginning, end).is_done is is_done


@pytest.mark.parametrize(
    ("position", "is_done"), [(8, False), (9, True), (10, True), (900, True)]
)
def test_the_position_decides_about_the_end(position: int, is_done: bool) -> None:
    """One past the target is the end as well: others write on."""
    read = progress()
    read.move_to(position)
    assert read.is_done is is_done


def test_records_do_not_decide_about_the_end() -> None:
    """After the last of them a transaction marker may follow, or nothing at all."""
    read = progress()
    for offset in range(5, 9):
        read.accept(offset)
    assert not read.is_done


@pytest.mark.parametrize(
    ("position", "moved"), [(None, False), (4, False), (5, False), (6, True)]
)
def test_only_a_step_forward_is_a_move(position: int | None, moved: bool) -> None:
    """A position that is not known yet, the same, or one before it is none."""
    assert progress().move_to(position) is moved


@pytest.mark.parametrize("position", [None, 0, 6])
def test_the_position_never_goes_back(position: int | None) -> None:
    """What was reached stays reached."""
    read = progress()
    read.move_to(7)
    read.move_to(position)
    assert read.position == 7


@pytest.mark.parametrize(
    ("offset", "wanted"), [(5, True), (8, True), (9, False), (10, False)]
)
def test_records_from_the_target_on_are_not_of_the_range(
    offset: int, wanted: bool
) -> None:
    """They came after the capture."""
    assert progress().accept(offset) is wanted


def test_the_coverage_of_a_range_without_gaps_has_no_invisible_offset() -> None:
    """Every offset has its record."""
    read = progress()
    for offset in range(5, 9):
        read.accept(offset)
    assert read.coverage() == Coverage(5, 9, count=4, last=8, invisible=0)


def test_offsets_without_a_record_are_counted() -> None:
    """They are markers, aborted records, and what compaction removed."""
    read = progress()
    read.accept(6)
    read.move_to(9)
    assert read.coverage() == Coverage(5, 9, count=1, last=6, invisible=3)


def test_a_record_past_the_target_is_not_covered() -> None:
    """It neither counts nor is the last one."""
    read = progress()
    read.accept(8)
    read.accept(9)
    assert read.coverage() == Coverage(5, 9, count=1, last=8, invisible=3)


@pytest.mark.parametrize("end", [0, 3])
def test_the_coverage_of_an_empty_range_is_empty(end: int) -> None:
    """It has no record, no last one, and no invisible offsets below zero."""
    assert progress(3, end).coverage() == Coverage(3, end, 0, None, invisible=0)


def test_deleted_records_are_counted_as_truncated() -> None:
    """What was skipped is neither read nor invisible."""
    read = progress(0, 9)
    read.accept(0)
    read.move_to(1)
    read.skip_to(6)
    for offset in range(6, 9):
        read.accept(offset)
    assert read.position == 6
    assert read.coverage() == Coverage(0, 9, 4, 8, invisible=0, truncated=5)


def test_records_deleted_past_the_target_end_the_read() -> None:
    """Only offsets of the range count as truncated."""
    read = progress(0, 9)
    read.skip_to(50)
    assert read.is_done
    assert read.coverage() == Coverage(0, 9, 0, None, invisible=0, truncated=9)


CAPTURED = TopicSnapshot(
    topic_id="1",
    partitions={
        0: PartitionOffsets(beginning=5, end=20, stable=12),
        1: PartitionOffsets(beginning=0, end=0, stable=0),
    },
    times={1000: {0: 9, 1: 0}},
)


@pytest.mark.parametrize(
    ("read_request", "first"),
    [
        (ReadRequest("t"), Range(5, 20)),
        (ReadRequest("t", start="latest"), Range(20, 20)),
        (ReadRequest("t", end="earliest"), Range(5, 5)),
        (ReadRequest("t", start=1000), Range(9, 20)),
        (ReadRequest("t", end=1000), Range(5, 9)),
        (ReadRequest("t", start={0: 7}, end={0: 11}), Range(7, 11)),
        (ReadRequest("t", start={1: 0}), Range(5, 20)),
        (ReadRequest("t", upto="stable"), Range(5, 12)),
        (ReadRequest("t", upto="stable", end={0: 8}), Range(5, 8)),
        (ReadRequest("t", start={0: 20}, upto="stable"), Range(20, 12)),
        (ReadRequest("t", start={0: 2}, allow_deleted=True), Range(5, 20, truncated=3)),
        (
            ReadRequest("t", {0: 1}, {0: 3}, allow_deleted=True),
            Range(3, 3, truncated=2),
        ),
        (ReadRequest("t", Mark("t", {0: 7}, "1")), Range(7, 20)),
        (ReadRequest("t", end=Mark("t", {1: 0})), Range(5, 5)),
    ],
)
def test_the_range_is_what_the_request_asks_for(
    read_request: ReadRequest, first: Range
) -> None:
    """Starts and ends of every kind go by what the topic held when it was captured."""
    ranges = read_request.ranges(CAPTURED)
    assert ranges[0] == first
    assert ranges[1] == Range(0, 0)


def test_only_the_partitions_asked_for_are_read() -> None:
    """The others have no range."""
    assert ReadRequest("t", partitions=[1]).ranges(CAPTURED) == {1: Range(0, 0)}


@pytest.mark.parametrize(
    ("read_request", "error_type", "text"),
    [
        (
            ReadRequest("t", partitions=[0, 7]),
            OffsetRangeError,
            "Topic 't' has no partition 7. It has 0 to 1.",
        ),
        (
            ReadRequest("t", end={3: 0}),
            OffsetRangeError,
            "Topic 't' has no partition 3. It has 0 to 1.",
        ),
        (
            ReadRequest("t", start={0: 21}),
            OffsetRangeError,
            "Topic 't', partition 0: offset 21 is out of range, the partition has 5 up to 20. Was the topic deleted and created again since?",
        ),
        (
            ReadRequest("t", end={0: -1}),
            OffsetRangeError,
            "Topic 't', partition 0: offset -1 is out of range, the partition has 5 up to 20. Was the topic deleted and created again since?",
        ),
        (
            ReadRequest("t", start={0: 2}),
            RecordsDeletedError,
            "Topic 't', partition 0: the records from offset 2 up to 5 were deleted before the topic was read. Read with allow_deleted=True, or keep the records longer (retention.ms, retention.bytes).",
        ),
        (
            ReadRequest("t", end=Mark("t", {}, "2")),
            TopicChangedError,
            "Topic 't' was recreated since the mark was taken. Stop what writes to it before you delete or recreate it.",
        ),
    ],
)
def test_a_range_that_can_not_be_had_is_refused(
    read_request: ReadRequest, error_type: type[Exception], text: str
) -> None:
    """The error says what was asked for, and what there is."""
    with pytest.raises(error_type) as caught:
        read_request.ranges(CAPTURED)
    assert str(caught.value) == text


@pytest.mark.parametrize("millis", [0, 1, 1_700_000_000_123, 253_402_300_799_999])
def test_times_are_exact_to_the_millisecond(millis: int) -> None:
    """They are so in UTC, in another zone, and back."""
    moment = EPOCH + timedelta(milliseconds=millis)
    assert to_millis("start", moment) == millis
    assert to_millis("start", millis) == millis
    assert Record(timestamp=millis).datetime == moment


@pytest.mark.parametrize(
    ("start", "partition", "offset"), [({0: 9}, 0, 9), ({3: 0}, 3, None)]
)
def test_an_offset_out_of_range_says_where(
    start: dict[int, int], partition: int, offset: int | None
) -> None:
    """The error has topic, partition and offset, and no offset where there is no such
    partition.
    """
    captured = TopicSnapshot(None, {0: PartitionOffsets(0, 5, 5)}, {})
    with pytest.raises(OffsetRangeError) as caught:
        ReadRequest("t", start).ranges(captured)
    error = caught.value
    assert (error.topic, error.partition, error.offset) == ("t", partition, offset)
