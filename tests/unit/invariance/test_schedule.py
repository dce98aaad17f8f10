"""Schedules, as values and as lines that people read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    Batch,
    Crash,
    DeleteRecords,
    Idle,
    Place,
    Replay,
    Restart,
    Schedule,
    Send,
    Start,
)

NAMES = st.sampled_from(["orders", "bill-items", "a.b_c"])
PLACES = st.builds(
    Place, NAMES, st.integers(0, 30), st.sampled_from(["", "again", "other"])
)
STEPS = st.one_of(
    st.builds(Send, st.lists(PLACES, min_size=1, max_size=8).map(tuple)),
    st.sampled_from(
        [
            Batch(),
            Start(),
            Restart(),
            Replay(),
            Crash("before_sink"),
            Crash("in_task"),
            Crash("after_sink"),
            Crash("at_write", 2),
            Idle(5),
        ]
    ),
    st.builds(AddPartition, NAMES),
    st.builds(DeleteRecords, NAMES),
)
SCHEDULES = st.builds(
    Schedule,
    st.lists(STEPS, min_size=1, max_size=10).map(tuple),
    st.integers(1, 4),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
)


@given(SCHEDULES)
def test_a_schedule_is_what_its_line_says(schedule: Schedule) -> None:
    assert Schedule.parse(str(schedule)) == schedule


def test_a_line_names_records_in_a_row_by_their_range() -> None:
    orders = [Place("orders", index) for index in (0, 1, 2, 5, 6)]
    line = str(Schedule((Send(tuple(orders)), Batch())))
    assert line == "send orders[0:3], orders[5], orders[6] | batch"


def test_usual_settings_are_not_said() -> None:
    schedule = Schedule((Batch(),), partitions=3, shuffle=1, by_start=True)
    assert str(schedule) == "partitions 3 | shuffle partitions 1 | availableNow | batch"
    assert str(Schedule((Batch(),))) == "batch"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            "send orders[0] | bach",
            "schedule has an invalid step: 'bach'. Give the line that check_stream() "
            "printed.",
        ),
        (
            "send orders | batch",
            "schedule sends 'orders', which is not a record of the inputs. Write "
            "orders[3] or orders[0:4].",
        ),
    ],
)
def test_a_line_that_is_no_schedule_is_refused(line: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Schedule.parse(line)


def test_without_a_record_its_send_and_its_batch_are_gone() -> None:
    schedule = Schedule.parse(
        "send orders[0] | batch | restart | send orders[1] | batch | replay"
    )
    kept = schedule.keeping(lambda place: place.index == 1)
    assert str(kept) == "restart | send orders[1] | batch | replay"


@given(SCHEDULES)
def test_a_tidy_schedule_sends_the_same_and_processes_all(schedule: Schedule) -> None:
    tidy = schedule.tidy()
    assert tidy.places == schedule.places
    assert tidy.tidy() == tidy
    sends = [n for n, step in enumerate(tidy.steps) if isinstance(step, Send)]
    ends = [n for n, step in enumerate(tidy.steps) if isinstance(step, (Batch, Crash))]
    assert not sends or max(ends) > max(sends)
