"""Topics: created until they can be used, deleted until they are gone. By
kafka-python's admin client, whichever client moves records.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit.errors import TopicError, TopicExistsError

__all__ = ["create_topics", "delete_topics"]

READY_SECONDS = 30.0
PAUSE_SECONDS = 0.01


def create_topics(
    admin: Admin,
    topic_names: Sequence[str],
    num_partitions: int,
    replication_factor: int,
    ledger: set[str],
    ready_seconds: float = READY_SECONDS,
) -> None:
    """Creates the topics that do not exist, and waits until every partition has a
    leader and answers for its offsets.

    Args:
        ledger: takes the names of those it creates, before they are asked for; one that
            is refused is taken out again. So it is right however the call ends.

    Raises:
        TopicExistsError: one exists with another number of partitions; none is created
            then.
        TopicError: the broker refused one, or one was not ready in time.
    """
    names = list(dict.fromkeys(topic_names))
    present = admin.existing(names)
    for name, info in present.items():
        if len(info["partitions"]) != num_partitions:
            raise TopicExistsError(name, num_partitions, len(info["partitions"]))
    missing = [name for name in names if name not in present]
    _create(admin, missing, num_partitions, replication_factor, ledger)
    _await_ready(admin, names, num_partitions, ready_seconds)


def delete_topics(
    admin: Admin,
    topic_names: Sequence[str],
    ledger: set[str] | None = None,
    gone_seconds: float = READY_SECONDS,
) -> None:
    """Deletes the topics that exist, and waits until the broker knows them no more.

    Args:
        ledger: the names of those that are gone are taken out of it, also where others
            stay.

    Raises:
        TopicError: the broker refused one, or one was still there in time.
    """
    from kafka.errors import UnknownTopicOrPartitionError

    ledger = set() if ledger is None else ledger
    asked = list(dict.fromkeys(topic_names))
    # one of ours may be so new that the broker does not show it yet: it is asked for
    known = ledger.union(admin.existing(asked))
    names = [name for name in asked if name in known]
    refused = {
        name: error
        for name, error in admin.delete(names)
        if error is not None and not isinstance(error, UnknownTopicOrPartitionError)
    }
    names = [name for name in names if name not in refused]
    deadline = time.monotonic() + gone_seconds
    while left := list(admin.existing(names)):
        ledger.difference_update(set(names) - set(left))
        if time.monotonic() >= deadline:
            raise TopicError(
                left,
                f"Topics {left} were still there {gone_seconds:g} s after they were "
                "deleted: does something that still reads or writes them, a streaming "
                "query perhaps, make the broker create them again? Stop it first.",
            )
        time.sleep(PAUSE_SECONDS)
    ledger.difference_update(names)
    for name, error in refused.items():
        text = f"Topic {name!r} could not be deleted: {error}."
        raise TopicError([name], text) from error


def _create(
    admin: Admin,
    names: list[str],
    num_partitions: int,
    replication_factor: int,
    ledger: set[str],
) -> None:
    from kafka.errors import TopicAlreadyExistsError

    shape = {
        "num_partitions": num_partitions,
        "replication_factor": replication_factor,
    }
    ledger.update(names)
    refused: dict[str, Exception] = {}
    for name, error in admin.create(dict.fromkeys(names, shape)):
        if error is not None:
            ledger.discard(name)
            # someone else may have been quicker: whether it fits shows when it is ready
            if not isinstance(error, TopicAlreadyExistsError):
                refused[name] = error
    for name, error in refused.items():
        text = f"Topic {name!r} could not be created: {error}."
        raise TopicError([name], text) from error


def _await_ready(
    admin: Admin,
    names: Sequence[str],
    num_partitions: int,
    ready_seconds: float,
) -> None:
    deadline = time.monotonic() + ready_seconds
    while waiting := _not_ready(admin, names, num_partitions):
        if time.monotonic() >= deadline:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
            raise TopicError(
                list(waiting),
                f"Topics were not ready {ready_seconds:g} s after they were created "
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
    """A leader that is known may still not serve: clients have seen UNKNOWN_TOPIC for
    seconds after it was announced.
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
