"""Topics: created until they can be used, deleted until they are gone. By
kafka-python's admin client, whichever client moves records.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit.clients._kafka import (
    describe_topics,
    end_offsets,
    new_topics,
)
from spark_kafka_testkit.errors import TopicError, TopicExistsError

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

__all__ = ["create_topics", "delete_topics", "existing"]

READY_SECONDS = 30.0
PAUSE_SECONDS = 0.01


def create_topics(
    admin: KafkaAdminClient,
    topic_names: Sequence[str],
    num_partitions: int,
    replication_factor: int,
    ready_seconds: float = READY_SECONDS,
) -> list[str]:
    """Creates the topics that do not exist, and waits until every partition has a
    leader and answers for its offsets.

    Returns:
        The names of those it created.

    Raises:
        TopicExistsError: one exists with another number of partitions; none is created
            then.
        TopicError: the broker refused one, or one was not ready in time.
    """
    names = list(dict.fromkeys(topic_names))
    present = existing(admin, names)
    for name, info in present.items():
        if len(info["partitions"]) != num_partitions:
            raise TopicExistsError(name, num_partitions, len(info["partitions"]))
    created = _create(
        admin,
        [name for name in names if name not in present],
        num_partitions,
        replication_factor,
    )
    _await_ready(admin, names, num_partitions, ready_seconds)
    return created


def delete_topics(
    admin: KafkaAdminClient,
    topic_names: Sequence[str],
    gone_seconds: float = READY_SECONDS,
) -> None:
    """Deletes the topics that exist, and waits until the broker knows them no more.

    Raises:
        TopicError: the broker refused one, or one was still there in time.
    """
    from kafka.errors import UnknownTopicOrPartitionError

    names = list(existing(admin, list(dict.fromkeys(topic_names))))
    for name, error in _each(admin.delete_topics, names, names):
        if error is not None and not isinstance(error, UnknownTopicOrPartitionError):
            raise TopicError(
                f"Topic {name!r} could not be deleted: {error}."
            ) from error
    deadline = _clock.monotonic() + gone_seconds
    while left := list(existing(admin, names)):
        if _clock.monotonic() >= deadline:
            raise TopicError(
                f"Topics {left} were still there {gone_seconds:g} s after they were "
                "deleted: does something that still reads or "
                "writes them, a streaming query perhaps, make the broker create them "
                "again? Stop it first."
            )
        time.sleep(PAUSE_SECONDS)


def _create(
    admin: KafkaAdminClient,
    names: list[str],
    num_partitions: int,
    replication_factor: int,
) -> list[str]:
    from kafka.errors import TopicAlreadyExistsError

    shape = {
        "num_partitions": num_partitions,
        "replication_factor": replication_factor,
    }
    topics = new_topics(admin, dict.fromkeys(names, shape))
    created = []
    for name, error in _each(admin.create_topics, names, topics):
        if error is None:
            created.append(name)
        elif not isinstance(
            error, TopicAlreadyExistsError
        ):  # else someone was quicker; whether it fits shows when it is ready
            raise TopicError(
                f"Topic {name!r} could not be created: {error}."
            ) from error
    return created


def _each(
    call: Any, names: list[str], topics: Any
) -> Iterator[tuple[str, Exception | None]]:
    """Makes the admin call, and gives what became of each topic: one request for all in
    kafka-python 3, one for each in 2.
    """
    from kafka.errors import KafkaError, for_code

    if not names:
        return
    if "raise_errors" in inspect.signature(call).parameters:
        for answer in call(topics, raise_errors=False)["topics"]:
            code, text = answer["error_code"], answer.get("error_message")
            yield answer["name"], for_code(code)(text) if code else None
        return
    for name, topic in zip(names, topics, strict=True):
        try:
            call([topic])
        except KafkaError as error:
            yield name, error
        else:
            yield name, None


def existing(
    admin: KafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Those of the topics that the broker knows, by name."""
    from kafka.errors import for_code

    found: dict[str, dict[str, Any]] = {}
    for info in describe_topics(admin, names):
        error = for_code(info["error_code"])
        if error.__name__ in ("UnknownTopicOrPartitionError", "InvalidTopicError"):
            continue
        found[info["name"]] = info
    return found


def _await_ready(
    admin: KafkaAdminClient,
    names: Sequence[str],
    num_partitions: int,
    ready_seconds: float,
) -> None:
    deadline = _clock.monotonic() + ready_seconds
    while waiting := _not_ready(admin, names, num_partitions):
        if _clock.monotonic() >= deadline:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
            raise TopicError(
                f"Topics were not ready {ready_seconds:g} s after they were created "
                f"({reasons}). Look at the broker's log."
            )
        time.sleep(PAUSE_SECONDS)


def _not_ready(
    admin: KafkaAdminClient, names: Sequence[str], num_partitions: int
) -> dict[str, str]:
    known = existing(admin, names)
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
    admin: KafkaAdminClient, names: Sequence[str], num_partitions: int
) -> dict[str, str]:
    """A leader that is known may still not serve: clients have seen UNKNOWN_TOPIC for
    seconds after it was announced.
    """
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    try:
        end_offsets(
            admin,
            [
                TopicPartition(name, number)
                for name in names
                for number in range(num_partitions)
            ],
        )
    except KafkaError as error:
        return {"offsets": f"{type(error).__name__}: {error}"}
    return {}
