"""Start a broker for this run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from spark_kafka_testkit._brokers.broker import Backend, BrokerSettings, OwnBroker
from spark_kafka_testkit._brokers.container import ContainerBroker
from spark_kafka_testkit._brokers.docker import docker_problem, is_named
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError

__all__ = ["start_any", "start_own"]

log = logging.getLogger("spark_kafka_testkit")


def start_own(backend: Backend, settings: BrokerSettings) -> OwnBroker:
    """Start a container or the embedded broker, or with `auto` as `start_any` does.

    Raises:
        BrokerStartError, MissingDependencyError: as `start_broker`.
    """
    match backend:
        case "auto":
            return start_any(lambda chosen: start_own(chosen, settings))
        case "container":
            return ContainerBroker(settings)
        case "embedded":
            return EmbeddedBroker(settings)
        case "external":
            raise ValueError("the kit does not start an external broker")


Started = TypeVar("Started")


def start_any(start: Callable[[Backend], Started]) -> Started:
    """Start what `auto` stands for: a container, else the embedded broker.

    The embedded broker is started if no Docker daemon answers, or if a container fails.

    Raises:
        BrokerStartError: none came up. The text describes each attempt.
    """
    attempts: list[str] = []
    logs: list[str] = []
    problem = docker_problem()
    if problem is None:
        try:
            return start("container")
        except KafkaTestkitError as error:
            reason, tail = BrokerStartError.parts(error)
            attempts.append(f"container: {reason}")
            logs.append(tail)
            log.warning(
                "starting the embedded broker instead of a container: %s",
                str(error).splitlines()[0],
            )
    else:
        attempts.append(f"container: {problem}")
        level = logging.WARNING if is_named() else logging.INFO
        log.log(
            level, "starting the embedded broker instead of a container: %s", problem
        )
    try:
        return start("embedded")
    except KafkaTestkitError as error:
        reason, tail = BrokerStartError.parts(error)
        attempts.append(f"embedded: {reason}")
        raise BrokerStartError(
            "No Kafka broker could be started. Tried:\n" + "\n".join(attempts),
            "\n".join(filter(None, [*logs, tail])),
        ) from error
