"""What a broker is, and what one of ours is started with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._text import shown

__all__ = [
    "BACKENDS",
    "BACKEND_ENV",
    "BOOTSTRAP_ENV",
    "IMAGE",
    "OWN_CONFIG",
    "TAG",
    "Backend",
    "Broker",
    "BrokerSettings",
    "Look",
    "OwnBroker",
]


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
BACKENDS: tuple[Backend, ...] = get_args(Backend)
BACKEND_ENV = "SPARK_KAFKA_TESTKIT_BACKEND"
BOOTSTRAP_ENV = "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"
LOOK_SECONDS = 1.0
IMAGE = re.compile(r"[!-~]+\Z")
TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)


class Broker(Protocol):
    """A running broker.

    Attributes:
        backend: `"container"`, `"embedded"` or `"external"`.
        is_visited: whether it is another's: what others have made there is not touched,
            and it decides itself whether a topic that is missing is created.
        bootstrap_servers: its address.
        network_broker: its address for other containers of its Docker network, or None.
        name: what it is, for people: `Kafka 4.4.0, embedded`.
    """

    backend: str
    bootstrap_servers: str

    @property
    def is_visited(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def network_broker(self) -> str | None: ...

    @property
    def ended(self) -> str:
        """How it has ended without `stop()`, for people; empty while it runs, and where
        that can't be known.
        """

    def describe(self) -> str:
        """What it is, for people: `Kafka 4.4.0, embedded, at 127.0.0.1:19092`."""

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of its log; empty where the kit has no hold of it."""

    def note_topics(self, names: Collection[str]) -> None:
        """Notes the topics that were created on it and are there, where they could
        outlive this process.
        """

    def stop(self) -> None:
        """Ends it and removes what it left; a second call does nothing. An external
        broker is left alone.
        """


class OwnBroker(Broker, Protocol):
    """A broker that the kit has started: a container, or a process.

    Attributes:
        log_file: the file with its log, or None where Docker has it.
        container_id: Docker's id, or None where it is no container.
    """

    @property
    def log_file(self) -> str | None: ...

    @property
    def container_id(self) -> str | None: ...


class Look:
    """Looks how a broker has ended, where a look takes time: once a second at most.

    Args:
        look: gives `Broker.ended`.
    """

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self._seen, self._at = "", -math.inf

    def ended(self) -> str:
        """What was seen last."""
        if not self._seen and _clock.monotonic() - self._at >= LOOK_SECONDS:
            self._seen = self._look()
            self._at = _clock.monotonic()
        return self._seen


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

    Raises:
        TypeError, ValueError: one of them that can't be used.
    """

    kafka_version: str = "7.4.0"
    image: str | None = None
    startup_timeout: float = 120
    broker_config: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Any = None
    network_alias: str = "kafka"
    reuse: bool = False

    def __post_init__(self) -> None:
        if not TAG.match(_arguments.text("kafka_version", self.kafka_version)):
            raise ValueError(
                "kafka_version must be a tag of Confluent's image, for example 7.4.0, "
                f"and is {shown(self.kafka_version)}"
            )
        if self.image is not None and not IMAGE.match(
            _arguments.text("image", self.image)
        ):
            raise ValueError(
                "image must be the name of an image, for example apache/kafka:4.1.0, "
                f"and is {shown(self.image)}"
            )
        _arguments.seconds("startup_timeout", self.startup_timeout, positive=True)
        for name in ("broker_config", "environment"):
            checked = _arguments.settings(name, getattr(self, name))
            object.__setattr__(self, name, checked)
        if self.network is not None:
            network = getattr(self.network, "name", self.network)
            _arguments.text("network", network)
        _arguments.text("network_alias", self.network_alias)
        _arguments.flag("reuse", self.reuse)
