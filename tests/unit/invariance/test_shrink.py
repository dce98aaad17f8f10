"""The smallest schedule for models of wrong jobs, for which it is known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from spark_kafka_testkit._invariance.generate import Generator, Promise
from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.relations import DEFAULT
from spark_kafka_testkit._invariance.schedule import (
    Batch,
    Crash,
    Place,
    Replay,
    Schedule,
    Send,
    Start,
)
from spark_kafka_testkit._invariance.shrink import shrink

Shows = Callable[[Schedule], bool]
INPUTS = Inputs({"orders": [(f"k{n % 4}", n) for n in range(12)]}, None)
BASE = Schedule(())


def parts(schedule: Schedule) -> list[set[int]]:
    """The indexes of the records in each batch."""
    found: list[set[int]] = [set()]
    for step in schedule.steps:
        if isinstance(step, Send):
            found[-1] |= {place.index for place in step.places}
        elif isinstance(step, (Batch, Crash)):
            found.append(set())
    return found


def apart(schedule: Schedule) -> bool:
    """Whether two records of one key are in different batches."""
    some = [part for part in parts(schedule) if 3 in part or 7 in part]
    sent = {place.index for place in schedule.places}
    return {3, 7} <= sent and len(some) > 1


def replayed(schedule: Schedule) -> bool:
    """Whether the batch of a certain record is run again."""
    sent: set[int] = set()
    last: set[int] = set()
    for step in schedule.steps:
        if isinstance(step, Send):
            sent |= {place.index for place in step.places}
        elif isinstance(step, (Batch, Crash)):
            last, sent = sent, set()
        elif isinstance(step, Replay) and 5 in last:
            return True
    return False


def crashed(schedule: Schedule) -> bool:
    return Crash("after_sink") in schedule.steps


def started_late(schedule: Schedule) -> bool:
    return schedule.has(Start)


def resized(schedule: Schedule) -> bool:
    return schedule.partitions > 2


WRONG: dict[Shows, str] = {
    apart: "send orders[3] | batch | send orders[7] | batch",
    replayed: "send orders[5] | batch | replay",
    crashed: "send orders[{}] | crash after the sink",
    started_late: "send orders[{}] | start | batch",
    resized: "partitions {} | send orders[{}] | batch",
}


def noting(asked: list[Schedule], shows: Shows) -> Shows:
    """A model that records which schedules it is asked about."""

    def noted(schedule: Schedule) -> bool:
        asked.append(schedule)
        return shows(schedule)

    return noted


@pytest.mark.parametrize("shows", WRONG)
def test_what_is_left_is_what_shows_the_difference(shows: Shows) -> None:
    generator = Generator(
        INPUTS,
        Promise(None),
        list(DEFAULT),
        [Crash("before_sink"), Crash("after_sink")],
        2,
    )
    looks = []
    for seed in range(300):
        schedule = generator.make(seed, random.Random(seed))
        assert schedule is not None
        if not shows(schedule):
            continue
        asked: list[Schedule] = []
        smallest = str(shrink(schedule, noting(asked, shows), BASE))
        wanted = WRONG[shows]
        assert smallest.count("orders[") == wanted.count("orders[")
        assert smallest.count("|") == wanted.count("|")
        if "{}" not in wanted:
            assert smallest == wanted
        looks.append(len(asked))
    assert len(looks) > 5
    assert max(looks) < 120


def after_a_newer_one(schedule: Schedule) -> bool:
    """Whether they are apart, and a record of another key is sent too."""
    return apart(schedule) and Place("orders", 10) in schedule.places


def test_keys_that_have_nothing_to_do_with_it_are_left_out_first() -> None:
    """Each other key is left out as a whole, if the suspect alone does not show it."""
    schedule = Schedule.parse("send orders[0:6] | batch | send orders[6:12] | batch")
    asked: list[Schedule] = []
    smallest = shrink(
        schedule,
        noting(asked, after_a_newer_one),
        BASE,
        key_of=lambda place: place.index % 4,
        is_suspect=lambda key: key == 3,
    )
    assert list(map(str, asked))[:3] == [
        "send orders[3] | batch | send orders[7], orders[11] | batch",
        "send orders[1:4], orders[5] | batch "
        "| send orders[6], orders[7], orders[9:12] | batch",
        "send orders[2], orders[3] | batch "
        "| send orders[6], orders[7], orders[10], orders[11] | batch",
    ]
    assert (
        str(smallest) == "send orders[3] | batch | send orders[7], orders[10] | batch"
    )


def test_where_nothing_smaller_shows_it_the_schedule_stays() -> None:
    schedule = Schedule.parse("send orders[0:3] | batch | restart | batch")
    assert shrink(schedule, lambda _: False, BASE) == schedule


def test_the_records_of_one_key_are_tried_before_parts_of_all() -> None:
    """Keys with the most records come first, and a key with one record is not tried."""
    schedule = Schedule.parse("send orders[0:6] | batch | send orders[6:12] | batch")
    asked: list[Schedule] = []

    def key_of(place: Place) -> int | None:
        return place.index % 4 if place.index > 2 else None

    smallest = shrink(schedule, noting(asked, apart), BASE, key_of=key_of)
    assert smallest == Schedule.parse(WRONG[apart])
    of_one_key = "send orders[3] | batch | send orders[7], orders[11] | batch"
    assert list(map(str, asked)).index(of_one_key) < 4
    alone: list[Schedule] = []
    others: list[Schedule] = []
    never = lambda _: False  # noqa: E731
    shrink(schedule, noting(alone, never), BASE, key_of=lambda place: place.index)
    shrink(schedule, noting(others, never), BASE)
    assert alone == others


def test_nothing_is_asked_twice_and_nothing_larger() -> None:
    schedule = Schedule.parse(
        "send orders[0:6] | batch | restart | send orders[6:12] | crash after the sink"
    )
    asked: list[Schedule] = []
    shrink(schedule, noting(asked, apart), BASE)
    assert len(asked) == len(set(asked)) > 10
    assert schedule not in asked
    assert all(len(one.steps) <= len(schedule.steps) for one in asked)


def test_a_record_of_another_key_is_not_left_alone() -> None:
    """It says nothing about the records that the user gave."""
    line = "send orders[0], orders[0] as another key | batch"
    smallest = shrink(Schedule.parse(line), lambda one: "another" in str(one), BASE)
    assert str(smallest) == line
