"""Random histories, read by both clients in both isolation levels, against an oracle.

A failing history is printed as the argument of the test; to replay it, put it above the
test as `@example(history=History(...))`. The environment may say how many there are
(`HISTORIES`), which client alone is to read (`HISTORIES_CLIENT`), and how long no read
may stand still (`HISTORIES_STALL_SECONDS`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.access import Access
from spark_kafka_testkit.clients import Client, Read
from spark_kafka_testkit.clients.kafka_python import KafkaPythonClient
from spark_kafka_testkit.errors import ReadTimeoutError, RecordsDeletedError
from spark_kafka_testkit.offsets import Captured, Isolation, Range, ReadQuery
from spark_kafka_testkit.records import to_records

from .model import History, Partition, expected
from .strategies import histories
from .world import Producers, World

COUNT = int(os.environ.get("HISTORIES", "300"))
ONLY = os.environ.get("HISTORIES_CLIENT")
MOST_SECONDS = float(os.environ.get("HISTORIES_STALL_SECONDS", "60"))
STALL_SECONDS = 0.3
STABLE_SECONDS = 30.0

Ends = list[tuple[int, int]]  # per partition: beginning, end of what was acknowledged


@dataclass(frozen=True)
class HookedQuery(ReadQuery):
    """A read that does something between its capture and its first fetch, and learns
    then whether a transaction will hold it up: only that is not worth waiting for.
    """

    hook: Callable[[], bool] = field(default=lambda: False)

    def ranges(self, captured: Captured) -> dict[int, Range]:
        found = super().ranges(captured)
        if self.hook() and self.isolation == "read_committed":
            object.__setattr__(self, "stall_seconds", STALL_SECONDS)
        return found


@pytest.fixture(scope="module")
def producers(spark: Any, kafka: KafkaUtils) -> Iterator[Producers]:
    """Kafka's own producers in Spark's JVM."""
    made = Producers(spark, kafka.broker)
    yield made
    made.close()


@pytest.fixture(scope="module")
def clients(spark: Any, kafka: KafkaUtils) -> Iterator[list[Client]]:
    """Both clients of the kit; one of them where the environment says so."""
    python = KafkaPythonClient(Access(kafka.broker))
    jvm = kafka._client("test", spark)
    assert (jvm.name, python.name) == ("jvm", "kafka-python")
    yield [client for client in (jvm, python) if ONLY in (None, client.name)]
    python.close()


@given(history=histories())
@settings(
    max_examples=COUNT,
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes against a broker
)
@pytest.mark.timeout(0)
def test_a_read_gives_what_the_oracle_says(
    history: History, kafka: KafkaUtils, clients: list[Client], producers: Producers
) -> None:
    """Exactly the records of the captured range, or the error that is due."""
    with World(kafka, producers, history) as world:
        world.run(history.before)
        before = [(part.beginning, part.acknowledged) for part in world.partitions]
        reads = capture_then_run(world, history, before, clients)
        for (client, isolation), read in reads.items():
            note(f"{client.name}, {isolation}, topic {world.topic}")
            check(world, before, read, isolation, history.allow_deleted)
        if world.open_producers:
            await_stable(kafka, world)
            for client in clients:
                check_stable(world, client)


def capture_then_run(
    world: World, history: History, before: Ends, clients: list[Client]
) -> dict[tuple[Client, Isolation], Read]:
    """Has every read capture its ranges, then runs what happens during the reads, then
    lets them fetch: each captures in the hook of the one before.
    """
    reads: dict[tuple[Client, Isolation], Read] = {}
    isolations: tuple[Isolation, ...] = ("read_committed", "read_uncommitted")
    todo = [(client, isolation) for client in clients for isolation in isolations]

    def next_read() -> bool:
        if not todo:
            world.run(history.during)
            return bool(held_up(world, before))
        client, isolation = todo.pop()
        query = HookedQuery(
            world.topic,
            isolation=isolation,
            allow_deleted=history.allow_deleted,
            stall_seconds=MOST_SECONDS,
            hook=next_read,
        )
        reads[client, isolation] = client.read(query)
        return bool(held_up(world, before))

    next_read()
    return reads


def check(
    world: World,
    before: Ends,
    read: Read,
    isolation: Isolation,
    allow_deleted: bool,
) -> None:
    moved = {
        number
        for number, (beginning, _) in enumerate(before)
        if world.partitions[number].beginning > beginning
    }
    # Without records the range may hold a marker yet, or end before it.
    deleted = {number for number in moved if before[number][0] < before[number][1]}
    try:
        check_read(world, before, read, isolation)
    except RecordsDeletedError as error:
        lost = error
    else:
        assert allow_deleted or not deleted
        return
    assert not allow_deleted
    assert lost.partition in moved
    assert lost.start == before[lost.partition][0]
    assert lost.end == world.partitions[lost.partition].beginning


def check_read(world: World, before: Ends, read: Read, isolation: Isolation) -> None:
    held = held_up(world, before)
    if held and isolation == "read_committed":
        with pytest.raises(ReadTimeoutError) as timeout:
            list(read)
        # others may be on their way still: the time is short
        states = [s for s in timeout.value.partitions if s.partition in held]
        assert {state.partition: set(state.producers) for state in states} == held
        return
    rows = [row for batch in read for row in to_records(batch, "t", bytes, bytes)]
    for number, (beginning, end) in enumerate(before):
        target = read.coverage[number].target
        assert target >= end, "acknowledged, and not in the range"
        wanted = expected(world.partitions[number], beginning, target, isolation)
        found = [row for row in rows if row.partition == number]
        assert [(r.offset, r.key, r.value, r.timestamp, r.headers) for r in found] == [
            (e.offset, e.out.key, e.out.value, e.out.timestamp, e.out.headers)
            for e in wanted.entries
        ]
        assert read.coverage[number] == wanted.coverage(beginning, target)
    assert len(read.coverage) == len(before)
    assert read.new_partitions == tuple(range(len(before), len(world.partitions)))


def held_up(world: World, before: Ends) -> dict[int, set[int]]:
    """Partitions whose range an open transaction reaches into, with its producers."""
    return {
        number: world.open_producers[number]
        for number, (_, end) in enumerate(before)
        if number in world.open_producers and world.partitions[number].stable(end) < end
    }


def await_stable(kafka: KafkaUtils, world: World) -> None:
    """Transactions that ended a moment ago may still lack their markers."""
    deadline = time.monotonic() + STABLE_SECONDS
    while True:
        now = kafka.offsets(world.topic)
        wanted = {
            number: part.stable(now[number].end)
            for number, part in enumerate(world.partitions)
        }
        if wanted == {number: at.stable for number, at in now.items()}:
            return
        assert time.monotonic() < deadline, f"{wanted} expected, {now} found"
        time.sleep(0.005)


def check_stable(world: World, client: Client) -> None:
    """Up to the last stable offset nothing is waited for."""
    with client.read(ReadQuery(world.topic, upto="stable")) as read:
        rows = [row for batch in read for row in to_records(batch, "t", bytes, bytes)]
    for number, part in enumerate(world.partitions):
        stable = read.coverage[number].target
        assert stable == part.stable(stable if not is_held(part) else 1 << 62)
        wanted = expected(part, part.beginning, stable, "read_committed")
        offsets = [row.offset for row in rows if row.partition == number]
        assert offsets == [entry.offset for entry in wanted.entries]


def is_held(partition: Partition) -> bool:
    return any(entry.is_open for entry in partition.log)
