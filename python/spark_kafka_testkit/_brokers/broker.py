"""Where a broker comes from: the protocol, and the choice among the three sources."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, cast

from spark_kafka_testkit._model.client_config import Access
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError

__all__ = [
    "BACKENDS",
    "BACKEND_ENV",
    "BOOTSTRAP_ENV",
    "OWN_CONFIG",
    "REUSE_ENV",
    "Backend",
    "Broker",
    "BrokerSettings",
    "OwnBroker",
    "choose_backend",
    "choose_reuse",
    "start_any",
    "start_broker",
    "start_own",
]

log = logging.getLogger("spark_kafka_testkit")

OWN_CONFIG: Mapping[str, str] = {
    # a misspelled topic is an error, and a deleted one stays deleted
    "auto.create.topics.enable": "false",
    # tests choose timestamps: of long ago, which retention would delete within minutes,
    # and of days to come, which brokers refuse
    "log.retention.ms": "-1",
    "log.message.timestamp.after.max.ms": str((1 << 63) - 1),
    # files of deleted topics stay for a minute by default: a test suite fills the disk
    # with them, and the system gets to write them out, which slows the broker down
    "log.segment.delete.delay.ms": "5000",
}
"""Kafka's settings for a broker of ours, wherever it runs; `broker_config` is over
them.
"""

Backend = Literal["auto", "container", "embedded", "external"]
BACKENDS: tuple[Backend, ...] = ("auto", "container", "embedded", "external")
BACKEND_ENV = "SPARK_KAFKA_TESTKIT_BACKEND"
BOOTSTRAP_ENV = "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"
REUSE_ENV = "SPARK_KAFKA_TESTKIT_REUSE"


class Broker(Protocol):
    """A running broker.

    Attributes:
        backend: `"container"`, `"embedded"` or `"external"`.
        bootstrap_servers: its address.
        network_broker: its address for other containers of its Docker network, or None.
    """

    backend: str
    bootstrap_servers: str

    @property
    def network_broker(self) -> str | None: ...

    def describe(self) -> str:
        """What it is, for people: `Kafka 4.4.0, embedded, at 127.0.0.1:19092`."""

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of its log; empty where the kit has no hold of it."""

    def stop(self) -> None:
        """Ends it and removes what it left; a second call does nothing. An external
        broker is left alone.
        """


class OwnBroker(Broker, Protocol):
    """A broker that the kit has started: a container, or a process.

    Attributes:
        log_file: the file with its log, or None where Docker has it.
        container_id: Docker's id, or None where it is no container.
        is_running: whether it has not exited.
    """

    @property
    def log_file(self) -> str | None: ...

    @property
    def container_id(self) -> str | None: ...

    @property
    def is_running(self) -> bool: ...


def choose_backend(
    backend: str | None, bootstrap_servers: str | None
) -> tuple[Backend, str | None]:
    """The backend and the external address that the arguments, else the environment,
    ask for; `auto` where nothing does.

    Raises:
        ValueError: an unknown backend, or one that does not go with the address.
    """
    address = os.environ.get(BOOTSTRAP_ENV) or None
    if bootstrap_servers is not None:
        address, asked = bootstrap_servers, backend or "external"
    else:
        default = "external" if address else "auto"
        asked = backend or os.environ.get(BACKEND_ENV) or default
    if asked not in BACKENDS:
        raise ValueError(
            f"backend={asked!r} is not known; valid are {', '.join(BACKENDS)}"
        )
    if bootstrap_servers is not None and asked not in ("external", "auto"):
        raise ValueError(
            f"backend={asked!r} starts a broker of its own; "
            f"leave out bootstrap_servers={bootstrap_servers!r}"
        )
    if asked == "external" and address is None:
        raise ValueError(
            "backend='external' needs bootstrap_servers=..., "
            f"or {BOOTSTRAP_ENV} in the environment"
        )
    if asked == "external" or bootstrap_servers is not None:
        return "external", address
    return cast(Backend, asked), None


def choose_reuse(reuse: bool | None) -> bool:
    """Whether a kept broker is wanted, by the argument, else by the environment.

    Raises:
        ValueError: the variable is neither 1 nor 0.
    """
    if reuse is not None:
        return reuse
    text = os.environ.get(REUSE_ENV) or "0"
    if text not in ("0", "1"):
        raise ValueError(f"{REUSE_ENV} must be 1 or 0, and is {text!r}")
    return text == "1"


@dataclass(frozen=True)
class BrokerSettings:
    """What a broker of ours is started with.

    Attributes:
        kafka_version: of Confluent's image.
        image: a Docker image instead of that one.
        startup_timeout: seconds until the broker must answer; a pull is not counted.
        broker_config: Kafka's own settings, by their names; over the kit's.
        environment: variables for the container.
        network: a Docker network to join: its name, or testcontainers' `Network`.
        network_alias: the broker's name in that network.
        reuse: take the kept broker with these settings, and leave it running.
    """

    kafka_version: str = "7.4.0"
    image: str | None = None
    startup_timeout: float = 120
    broker_config: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Any = None
    network_alias: str = "kafka"
    reuse: bool = False


def start_broker(
    backend: Backend, access: Access | None, settings: BrokerSettings
) -> Broker:
    """Starts, or finds, the broker; `auto` takes a container where a Docker daemon
    answers, else the embedded one. `access` is that of an external one.

    Raises:
        BrokerStartError: none came up; the text tells of each attempt.
        MissingDependencyError: the backend needs a Python package that is not
            installed.
    """
    if backend == "external":
        from spark_kafka_testkit._brokers.external import ExternalBroker

        assert access is not None
        return ExternalBroker(access)
    if settings.reuse:
        from spark_kafka_testkit._brokers.kept import lease as kept

        return kept.take(backend, settings)
    if backend == "auto":
        return start_any(lambda kind: start_own(kind, settings))
    return start_own(backend, settings)


def start_own(backend: Backend, settings: BrokerSettings) -> OwnBroker:
    """Starts a container or the embedded broker.

    Raises:
        BrokerStartError, MissingDependencyError: as `start_broker`.
    """
    if backend == "container":
        from spark_kafka_testkit._brokers.container import ContainerBroker

        return ContainerBroker(settings)
    from spark_kafka_testkit._brokers.embedded import EmbeddedBroker

    return EmbeddedBroker(settings)


Started = TypeVar("Started")


def start_any(start: Callable[[Backend], Started]) -> Started:
    """What `auto` starts: a container where a Docker daemon answers, else, or where
    that fails, the embedded broker.

    Raises:
        BrokerStartError: none came up; the text tells of each attempt.
    """
    from spark_kafka_testkit._brokers.docker import docker_problem, is_named

    attempts: list[str] = []
    problem = docker_problem()
    if problem is None:
        try:
            return start("container")
        except KafkaTestkitError as error:
            attempts.append(f"container: {error}")
            log.warning("%s; starting the embedded broker", str(error).splitlines()[0])
    else:
        attempts.append(f"container: {problem}")
        level = logging.WARNING if is_named() else logging.INFO
        log.log(level, "%s; starting the embedded broker", problem)
    try:
        return start("embedded")
    except KafkaTestkitError as error:
        start_error = error if isinstance(error, BrokerStartError) else None
        attempts.append(f"embedded: {start_error.reason if start_error else error}")
        raise BrokerStartError(
            "No Kafka broker could be started. Tried:\n" + "\n".join(attempts),
            start_error.log if start_error else "",
        ) from error
