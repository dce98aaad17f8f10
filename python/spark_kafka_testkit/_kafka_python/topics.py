"""Create topics until they can be used, and delete them until they are gone.

This uses kafka-python's admin client, whichever client moves records.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit.errors import TopicError, TopicExistsError

__all__ = ["create_topics", "delete_topics"]

READY_SECONDS = 30.0
PARTITION_SECONDS = 0.2  # a broker makes files for each, and a slow disk takes 30 ms
PAUSE_SECONDS = 0.01


def create_topics(
    admin: Admin,
    topic_names: Sequence[str],
    num_partitions: int,
    replication_factor: int,
    *,
    created: set[str] | None = None,
    ready_seconds: float = READY_SECONDS,
) -> None:
    """Create the topics that do not exist, and wait until they are ready.

    A topic is ready when every partition has a leader and answers for its offsets.

    Args:
        created: a set to which the created ones are added, however the call ends. If it
            ends before the broker has answered, these are all that were asked for.
        ready_seconds: how long they may take, besides 0.2 s for each partition.

    Raises:
        TopicExistsError: one exists with another number of partitions. Then none is
            created.
        TopicError: the broker refused some and created the others, or one was not ready
            in time.
    """
    names = list(dict.fromkeys(topic_names))
    present = admin.existing(names)
    for name, info in present.items():
        if len(info["partitions"]) != num_partitions:
            raise TopicExistsError(name, num_partitions, len(info["partitions"]))
    refusals = _create(
        admin,
        [name for name in names if name not in present],
        num_partitions,
        replication_factor,
        set() if created is None else created,
    )
    made = [name for name in names if name not in refusals]
    _await_ready(admin, made, num_partitions, ready_seconds)
    _raise_refusals(refusals, "created")


def delete_topics(
    admin: Admin,
    topic_names: Sequence[str],
    *,
    created: set[str] | None = None,
    gone_seconds: float = READY_SECONDS,
) -> None:
    """Delete the topics that exist, and wait until the broker no longer knows them.

    Args:
        created: a set from which those that are gone are removed, however the call
            ends.
        gone_seconds: how long they may take, besides 0.2 s for each partition.

    Raises:
        TopicError: the broker refused some and deleted the others, or one was still
            there when the time was up.
    """
    from kafka.errors import UnknownTopicOrPartitionError

    asked = list(dict.fromkeys(topic_names))
    created = set() if created is None else created

    there = admin.existing(asked)
    # One created a moment ago may not be listed yet, but the controller knows it.
    names = [name for name in asked if name in there or name in created]
    refusals = {
        name: error
        for name, error in admin.delete(names)
        if error is not None and not isinstance(error, UnknownTopicOrPartitionError)
    }
    parts = sum(len(info["partitions"]) for info in there.values())
    seconds = gone_seconds + PARTITION_SECONDS * parts
    deadline = _clock.monotonic() + seconds
    while True:
        there = admin.existing(names)
        created.difference_update(set(names) - set(there) - set(refusals))
        waiting = [name for name in there if name not in refusals]
        if not waiting:
            break
        if _clock.monotonic() >= deadline:
            raise TopicError(
                waiting,
                f"Topics {waiting} still existed {seconds:g} s after they were "
                "deleted. Does something that still reads or writes them, perhaps a "
                "streaming query, make the broker create them again? Stop it first.",
            )
        time.sleep(PAUSE_SECONDS)
    _raise_refusals(refusals, "deleted")


def _create(
    admin: Admin,
    names: list[str],
    num_partitions: int,
    replication_factor: int,
    created: set[str],
) -> dict[str, Exception]:
    """Ask for the topics, and return what the broker has refused, and why."""
    from kafka.errors import RequestTimedOutError, TopicAlreadyExistsError

    shape = {
        "num_partitions": num_partitions,
        "replication_factor": replication_factor,
    }
    refusals: dict[str, Exception] = {}
    for name, error in admin.create(dict.fromkeys(names, shape), asked=created):
        if error is None:
            continue
        if not isinstance(error, RequestTimedOutError):  # it may still be created
            created.discard(name)
        # If somebody else was quicker, the wait for readiness shows whether it fits.
        if not isinstance(error, TopicAlreadyExistsError):
            refusals[name] = error
    return refusals


def _raise_refusals(refusals: dict[str, Exception], done: str) -> None:
    """Raise the broker's answers about the topics that it refused."""
    if not refusals:
        return
    texts = [
        f"Topic {name!r} could not be {done}: {error}."
        for name, error in refusals.items()
    ]
    error = next(iter(refusals.values()))
    raise TopicError(list(refusals), "\n".join(texts)) from error


def _await_ready(
    admin: Admin,
    names: Sequence[str],
    num_partitions: int,
    ready_seconds: float,
) -> None:
    seconds = ready_seconds + PARTITION_SECONDS * num_partitions * len(names)
    deadline = _clock.monotonic() + seconds
    while waiting := _not_ready(admin, names, num_partitions):
        if _clock.monotonic() >= deadline:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
            raise TopicError(
                list(waiting),
                f"Topics were not ready {seconds:g} s after they were created "
                f"({reasons}). Look at the broker's log.",
            )
        time.sleep(PAUSE_SECONDS)


def _not_ready(
    admin: Admin, names: Sequence[str], num_partitions: int
) -> dict[str, str]:
    known = admin.existing(names)
    waiting = {name: "unknown to the broker" for name in names if name not in known}
    for name, info in known.items():
        without = [
            part["partition_index"]
            for part in info["partitions"]
            if part["error_code"] or part["leader_id"] < 0
        ]
        if info["error_code"] or without:
            waiting[name] = f"no leader for partitions {without}"
        elif len(info["partitions"]) != num_partitions:
            raise TopicExistsError(name, num_partitions, len(info["partitions"]))
    return waiting or _without_offsets(admin, names, num_partitions)


def _without_offsets(
    admin: Admin, names: Sequence[str], num_partitions: int
) -> dict[str, str]:
    """Topics whose leaders do not answer for offsets, with the reason.

    A known leader may not serve yet: clients have seen UNKNOWN_TOPIC for seconds after
    it was announced.
    """
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    try:
        admin.end_offsets(
            [
                TopicPartition(name, number)
                for name in names
                for number in range(num_partitions)
            ],
        )
    except KafkaError as error:
        return {"offsets": f"{type(error).__name__}: {error}"}
    return {}
