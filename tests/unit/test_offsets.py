"""Progress: how far a read has come, and when it is at its end."""

from __future__ import annotations

import pytest

from spark_kafka_testkit.clients import Coverage
from spark_kafka_testkit.offsets import PartitionOffsets, Progress


def progress(beginning: int = 5, end: int = 9, stable: int | None = None) -> Progress:
    """The progress of a read that captured this range."""
    return Progress(PartitionOffsets(beginning, end, end if stable is None else stable))


def test_a_read_begins_at_the_beginning_offset() -> None:
    """And goes to the high watermark."""
    assert (progress().position, progress().target) == (5, 9)


@pytest.mark.parametrize(
    ("beginning", "end", "is_done"), [(0, 0, True), (7, 7, True), (0, 1, False)]
)
def test_an_empty_range_is_done_at_once(
    beginning: int, end: int, is_done: bool
) -> None:
    """Nothing is waited for where nothing is."""
    assert progress(beginning, end).is_done is is_done


def test_the_target_is_not_lowered_by_an_open_transaction() -> None:
    """It is waited out, not left out."""
    read = progress(0, 9, stable=3)
    read.move_to(3)
    assert (read.target, read.is_done) == (9, False)


@pytest.mark.parametrize(
    ("position", "is_done"), [(8, False), (9, True), (10, True), (900, True)]
)
def test_the_position_decides_about_the_end(position: int, is_done: bool) -> None:
    """Also one past the target: others write on."""
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


def test_coverage_of_a_range_without_gaps() -> None:
    """Every offset has its record."""
    read = progress()
    for offset in range(5, 9):
        read.accept(offset)
    assert read.coverage() == Coverage(5, 9, count=4, last=8, invisible=0)


def test_offsets_without_a_record_are_counted() -> None:
    """Markers, aborted records, what compaction removed."""
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
def test_coverage_of_nothing(end: int) -> None:
    """No record, no last one, and no invisible offsets below zero."""
    assert progress(3, end).coverage() == Coverage(3, end, 0, None, invisible=0)
