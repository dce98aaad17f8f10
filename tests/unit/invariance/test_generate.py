"""Random schedules ask nothing of a job that it has not promised."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_kafka_testkit import Record, at
from spark_kafka_testkit._invariance.generate import Generator, Promise
from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.relations import DEFAULT, MODES, RELATIONS
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

MINUTE = 60_000
CRASHES = [Crash("before_sink"), Crash("after_sink")]
SOME = [
    (key, minute)
    for minute, key in enumerate(["ada", "bob", "ada", "cy", None, "bob", "dan", "eve"])
]


def inputs_of(*lists: list[tuple[str | None, int]]) -> Inputs:
    """Inputs of (key, minute) pairs, with timestamps that many minutes after 09:00."""
    return Inputs(
        {
            f"topic{number}": [
                Record(key, "v", timestamp=at("09:00") + timedelta(minutes=minutes))
                for key, minutes in some
            ]
            for number, some in enumerate(lists)
        },
        None,
    )


def made(
    inputs: Inputs,
    late: int | None,
    relations: list[str],
    seed: int,
    number: int = 0,
    points: Sequence[Crash] = CRASHES,
) -> Schedule:
    generator = Generator(inputs, Promise(late), relations, points, 2)
    schedule = generator.make(number, random.Random(seed))
    assert schedule is not None
    return schedule


RECORDS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 40)),
    min_size=1,
    max_size=10,
)
SEEDS = st.integers(0, 10_000)
NUMBERS = st.integers(0, 99)


@given(RECORDS, RECORDS, st.sampled_from([0, 5 * MINUTE, 20 * MINUTE]), SEEDS, NUMBERS)
def test_no_record_is_later_than_the_job_has_promised(
    first: list[tuple[str | None, int]],
    second: list[tuple[str | None, int]],
    late: int,
    seed: int,
    number: int,
) -> None:
    inputs = inputs_of(first, second)
    schedule = made(inputs, late, ["arrival", "batches"], seed, number)
    before: list[int] = []
    batch: list[int] = []
    for step in schedule.steps:
        if isinstance(step, Send):
            batch += [inputs.time(place) for place in step.places]
        elif isinstance(step, Batch):
            behind = max(before, default=0) - min(batch)
            assert behind <= 0 or behind < late
            before += batch
            batch = []


@given(RECORDS, RECORDS, SEEDS, NUMBERS)
def test_each_partition_keeps_its_order(
    first: list[tuple[str | None, int]],
    second: list[tuple[str | None, int]],
    seed: int,
    number: int,
) -> None:
    inputs = inputs_of(first, second)
    relations = ["arrival", "batches", "partitions"]
    schedule = made(inputs, None, relations, seed, number)
    seen: dict[tuple[str, int], list[int]] = {}
    for place in schedule.places:
        partition = inputs.partition(place, schedule.partitions)
        seen.setdefault((place.input, partition), []).append(place.index)
    assert all(indexes == sorted(indexes) for indexes in seen.values())
    assert sorted(schedule.places) == sorted(inputs.places)


@pytest.mark.parametrize("turn", range(4))
def test_each_topic_stands_still_in_its_turn(turn: int) -> None:
    """The records of that topic come last, if the job tolerates that."""
    inputs = inputs_of(SOME, SOME)
    order = made(inputs, None, ["arrival"], seed=turn, number=turn).places
    assert [place.input for place in order[:8]] == [f"topic{1 - turn % 2}"] * 8
    bearing = made(inputs, 2 * MINUTE, ["arrival"], seed=turn, number=turn).places
    assert bearing != order


STEPS_OF = {
    "restarts": (Restart, Start),
    "replays": (Replay,),
    "crashes": (Crash,),
    "idle": (Idle,),
    "retention": (DeleteRecords,),
}


@pytest.mark.parametrize(
    "relation", [*STEPS_OF, "batches", "triggers", "duplicates", "other_keys"]
)
def test_each_relation_is_looked_at_in_its_turn(relation: str) -> None:
    relations = [name for name in RELATIONS if name not in MODES]
    number = relations.index(relation)
    inputs = inputs_of(SOME)
    schedules = [made(inputs, None, relations, seed, number) for seed in range(20)]
    for schedule in schedules:
        if relation in STEPS_OF:
            assert schedule.has(*STEPS_OF[relation])
        if relation == "batches":
            assert schedule.batches > 1
        assert schedule.by_start == (relation == "triggers")
    forms = {place.form for schedule in schedules for place in schedule.places}
    if relation in ("duplicates", "other_keys"):
        assert {"duplicates": "again", "other_keys": "other"}[relation] in forms


def test_a_trial_of_crashes_takes_each_point_once() -> None:
    """It has a batch for each of them."""
    points = [*CRASHES, *(Crash("at_write", write) for write in range(1, 4))]
    inputs = inputs_of(SOME)
    for seed in range(50):
        steps = made(inputs, None, ["crashes", "batches"], seed, points=points).steps
        crashes = [step for step in steps if isinstance(step, Crash)]
        assert len(crashes) == len(points)
        assert set(crashes) == set(points)


def test_a_trial_of_crashes_takes_a_point_for_each_record_there_is() -> None:
    """Two records make two batches, so two of the points have their turn."""
    points = [*CRASHES, Crash("in_task")]
    inputs = inputs_of(SOME[:2])
    for seed in range(20):
        schedule = made(inputs, None, ["crashes", "batches"], seed, points=points)
        crashes = [step for step in schedule.steps if isinstance(step, Crash)]
        assert len(set(crashes)) == len(crashes) == 2


def test_what_is_not_asked_for_does_not_happen() -> None:
    inputs = inputs_of(SOME)
    for seed in range(50):
        schedule = made(inputs, None, ["batches"], seed)
        assert not schedule.has(Crash, Replay, Restart, Start, Idle, AddPartition)
        assert schedule.places == inputs.places
        assert (schedule.partitions, schedule.shuffle) == (2, 2)


def test_a_job_that_dies_of_lost_records_dies_of_nothing_else() -> None:
    relations = list(DEFAULT)
    inputs = inputs_of(SOME)
    for number in range(200):
        schedule = made(inputs, None, relations, number, number)
        is_turn = [name for name in relations if name not in MODES]
        assert schedule.has(DeleteRecords) == (
            is_turn[number % len(is_turn)] == "retention"
        )


def test_records_are_deleted_of_a_topic_that_was_read() -> None:
    """No job can miss what is deleted before its first batch."""
    for relations in (["retention"], list(DEFAULT)):
        number = [name for name in relations if name not in MODES].index("retention")
        for seed in range(50):
            steps = made(inputs_of(SOME), None, relations, seed, number).steps
            deleted = next(
                n for n, s in enumerate(steps) if isinstance(s, DeleteRecords)
            )
            assert any(isinstance(s, (Batch, Crash)) for s in steps[:deleted])


def test_the_same_seed_makes_the_same_schedule() -> None:
    inputs = inputs_of(SOME)
    assert made(inputs, None, list(DEFAULT), 7, 3) == made(
        inputs, None, list(DEFAULT), 7, 3
    )


def test_a_partition_is_added_when_all_is_processed() -> None:
    inputs = inputs_of(SOME)
    for seed in range(100):
        schedule = made(inputs, None, ["partitions", "batches"], seed, seed)
        is_pending = False
        for step in schedule.steps:
            is_pending = isinstance(step, Send) or (
                is_pending and not isinstance(step, (Batch, Crash))
            )
            assert not (isinstance(step, AddPartition) and is_pending)


def test_a_trial_of_partitions_adds_one_that_gets_records() -> None:
    """This holds if the records come in more than one part."""
    for seed in range(100):
        schedule = made(inputs_of(SOME), None, ["partitions", "batches"], seed)
        kinds = list(map(type, schedule.steps))
        if schedule.batches > 1:
            assert Send in kinds[kinds.index(AddPartition) :]


def test_a_trial_of_partitions_moves_a_key() -> None:
    """This holds wherever the records are cut.

    Each key comes early and late. Whatever the number of partitions, one more partition
    moves some of the keys.
    """
    keys = ["ada", "bob", "cy", "dan", "eve", "fay"]
    inputs = inputs_of([(key, minute) for minute, key in enumerate(keys * 3)])
    for seed in range(100):
        schedule = made(inputs, None, ["partitions", "batches"], seed)
        partitions = schedule.partitions
        where: dict[bytes | None, set[int]] = {}
        for step in schedule.steps:
            partitions += isinstance(step, AddPartition)
            for place in step.places if isinstance(step, Send) else ():
                at = inputs.partition(place, partitions)
                where.setdefault(inputs.key(place), set()).add(at)
        if schedule.batches > 1:
            assert any(len(partitions) > 1 for partitions in where.values())


def test_records_without_times_get_some_that_do_not_change() -> None:
    given = {"orders": [("a", 1), ("b", 2)]}
    one, other = Inputs(given, None), Inputs(given, None)
    assert one.records == other.records
    assert [one.time(place) for place in one.places] == sorted(
        one.time(place) for place in one.places
    )
    assert one.places == (Place("orders", 0), Place("orders", 1))
