"""Random histories, read by both clients in both isolation levels, against an oracle.

A failing history is printed as the argument of the test. To run it again, put it above
the test as `@example(history=History(...))`. The environment variable HISTORIES may set
how many there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._clients.kafka_python import KafkaPythonClient
from spark_kafka_testkit._clients.protocol import Client, Read
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import (
    Isolation,
    Range,
    ReadRequest,
    TopicSnapshot,
)
from spark_kafka_testkit.errors import ReadTimeoutError, RecordsDeletedError
from spark_kafka_testkit.kafka_utils import cluster_of

from .model import Delete, End, History, Out, Partition, Send, expected
from .strategies import histories
from .world import Producers, World

COUNT = int(os.environ.get("HISTORIES", "300"))
MOST_SECONDS = 60.0
STALL_SECONDS = 0.3
STABLE_SECONDS = 30.0

Ends = list[tuple[int, int]]  # per partition: beginning, end of the acknowledged
Ranges: TypeAlias = dict[int, Range]


@dataclass(frozen=True)
class HookedRequest(ReadRequest):
    """A request with a hook that runs between the capture and the first fetch.

    The hook takes the ranges, and returns whether an open transaction will hold up the
    read. If so, a read_committed read gives up after `STALL_SECONDS`, because it can
    only time out.
    """

    hook: Callable[[Ranges], bool] = field(default=lambda _: False)

    def ranges(self, captured: TopicSnapshot) -> Ranges:
        found = super().ranges(captured)
        if self.hook(found) and self.isolation == "read_committed":
            object.__setattr__(self, "stall_seconds", STALL_SECONDS)
        return found


@pytest.fixture(scope="module")
def producers(spark: Any, kafka: KafkaUtils) -> Iterator[Producers]:
    """Kafka's own producers, in Spark's JVM."""
    made = Producers(spark, kafka.broker)
    yield made
    made.close()


@pytest.fixture(scope="module")
def clients(spark: Any, kafka: KafkaUtils) -> Iterator[list[Client]]:
    """Both clients of the kit."""
    python = KafkaPythonClient(ClientConfig(kafka.broker))
    jvm = cluster_of(kafka).client(spark)
    assert (jvm.name, python.name) == ("jvm", "kafka-python")
    yield [jvm, python]
    python.close()


MARKER_ALONE = History(
    partitions=1,
    before=(
        Send(1, (Out(0, b"aborted", b"", 1),)),
        Send(0, (Out(0, b"open", b"", 1),)),
        End(1, commit=False),
        Delete(0, 10),
    ),
    during=(),
    allow_deleted=True,
)
"""An open transaction whose records are deleted: it only holds up another's marker."""


@given(history=histories())
@example(history=MARKER_ALONE)
@settings(
    max_examples=COUNT,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes against a broker
)
@pytest.mark.timeout(0)
def test_a_read_gives_what_the_oracle_says(
    history: History, kafka: KafkaUtils, clients: list[Client], producers: Producers
) -> None:
    """It returns exactly the records of the captured range, or the expected error."""
    with World(kafka, producers, history) as world:
        world.run(history.before)
        before = [(part.beginning, part.acknowledged) for part in world.partitions]
        for one in capture_then_run(world, history, clients):
            note(f"{one.client.name}, {one.isolation}, topic {world.topic}")
            check(world, before, one, history.allow_deleted)
        if world.open_producers:
            await_stable(kafka, world)
            for client in clients:
                check_stable(world, client)


@dataclass
class Started:
    """A read that has captured its ranges."""

    client: Client
    isolation: Isolation
    ranges: Ranges = field(default_factory=dict)
    read: Read = field(init=False)


def capture_then_run(
    world: World, history: History, clients: list[Client]
) -> list[Started]:
    """Have every read capture its ranges, and then run what happens during the reads.

    No read has fetched anything by then. Each read captures its ranges in the hook of
    the one before.
    """
    isolations: tuple[Isolation, ...] = ("read_committed", "read_uncommitted")
    reads = [
        Started(client, isolation) for client in clients for isolation in isolations
    ]

    def start(number: int) -> None:
        if number == len(reads):
            world.run(history.during)
            return
        one = reads[number]

        def captured(ranges: Ranges) -> bool:
            one.ranges = ranges
            start(number + 1)
            return bool(held_up(world, ranges))

        request = HookedRequest(
            world.topic,
            isolation=one.isolation,
            allow_deleted=history.allow_deleted,
            stall_seconds=MOST_SECONDS,
            hook=captured,
        )
        one.read = one.client.read(request)

    start(0)
    return reads


def check(world: World, before: Ends, started: Started, allow_deleted: bool) -> None:
    moved = {
        number
        for number, (beginning, _) in enumerate(before)
        if world.partitions[number].beginning > beginning
    }
    # Without records the range may still hold a marker, or end before it.
    deleted = {number for number in moved if before[number][0] < before[number][1]}
    try:
        check_read(world, before, started)
    except RecordsDeletedError as error:
        lost = error
    else:
        assert allow_deleted or not deleted
        return
    assert not allow_deleted
    assert lost.partition in moved
    assert lost.start == before[lost.partition][0]
    assert lost.end == world.partitions[lost.partition].beginning


def check_read(world: World, before: Ends, started: Started) -> None:
    read, isolation = started.read, started.isolation
    for number, (_, end) in enumerate(before):
        target = started.ranges[number].target
        assert target >= end, "acknowledged, and not in the range"
    held = held_up(world, started.ranges)
    if held and isolation == "read_committed":
        with pytest.raises(ReadTimeoutError) as timeout:
            list(read)
        # other partitions may be listed too, because the time is short
        states = [s for s in timeout.value.partitions if s.partition in held]
        assert {state.partition: set(state.producers) for state in states} == held
        return
    rows = [row for batch in read for row in Decoder("t", bytes, bytes).records(batch)]
    for number, (beginning, _) in enumerate(before):
        target = started.ranges[number].target
        wanted = expected(world.partitions[number], beginning, target, isolation)
        found = [row for row in rows if row.partition == number]
        assert [(r.offset, r.key, r.value, r.timestamp, r.headers) for r in found] == [
            (e.offset, e.out.key, e.out.value, e.out.timestamp, e.out.headers)
            for e in wanted.entries
        ]
        assert read.coverage[number] == wanted.coverage(beginning, target)
    assert len(read.coverage) == len(before)
    assert read.new_partitions == tuple(range(len(before), len(world.partitions)))


def held_up(world: World, ranges: Ranges) -> dict[int, set[int]]:
    """Partitions whose range an open transaction reaches into, with its producers."""
    return {
        number: world.open_producers[number]
        for number, of in ranges.items()
        if number in world.open_producers
        and world.partitions[number].stable(of.target) < of.target
    }


def await_stable(kafka: KafkaUtils, world: World) -> None:
    """Wait until the last stable offsets are the expected ones.

    Transactions that have just ended may still lack their markers.
    """
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
    """Check that a read up to the last stable offset waits for nothing."""
    with client.read(ReadRequest(world.topic, upto="stable")) as read:
        decoder = Decoder("t", bytes, bytes)
        rows = [row for batch in read for row in decoder.records(batch)]
    for number, part in enumerate(world.partitions):
        stable = read.coverage[number].target
        assert stable == part.stable(stable if not is_held(part) else 1 << 62)
        wanted = expected(part, part.beginning, stable, "read_committed")
        offsets = [row.offset for row in rows if row.partition == number]
        assert offsets == [entry.offset for entry in wanted.entries]


def is_held(partition: Partition) -> bool:
    return any(entry.is_open for entry in partition.log)
