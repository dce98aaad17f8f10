"""The protocol of a broker, and the settings to start one with."""

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
    # Tests choose their own timestamps. Retention would delete old ones within minutes,
    # and brokers refuse those in the future.
    "log.retention.ms": "-1",
    "log.message.timestamp.after.max.ms": str((1 << 63) - 1),
    # By default the files of deleted topics stay for a minute. A test suite then fills
    # the disk with them, and writing them out slows the broker down.
    "log.segment.delete.delay.ms": "5000",
}
"""Kafka settings of a broker that the kit starts. `broker_config` overrides them."""

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
        is_visited: whether it belongs to somebody else. The kit does not touch what
            others have made there, and the broker decides whether a missing topic is
            created.
        bootstrap_servers: its address.
        network_broker: its address for other containers of its Docker network, or None.
        name: a readable name: `Kafka 4.4.0, embedded`.
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
        """How it ended without `stop()`, in words.

        Empty while it runs, and where that can't be known.
        """

    def describe(self) -> str:
        """Describe it in words: `Kafka 4.4.0, embedded, at 127.0.0.1:19092`."""

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of its log, or nothing if the kit can't read it."""

    def note_topics(self, names: Collection[str]) -> None:
        """Note the topics that were created on it and still exist.

        Only brokers whose topics could outlive this process need to.
        """

    def stop(self) -> None:
        """Stop it and remove what it left, or do nothing if that is done already.

        An external broker is left alone.
        """


class OwnBroker(Broker, Protocol):
    """A broker that the kit has started, as a container or as a process.

    Attributes:
        log_file: the file with its log, or None where Docker keeps it.
        container_id: Docker's id, or None if it is not a container.
    """

    @property
    def log_file(self) -> str | None: ...

    @property
    def container_id(self) -> str | None: ...


class Look:
    """A check of how a broker has ended, at most once a second because it takes time.

    Args:
        look: returns `Broker.ended`.
    """

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self._seen, self._at = "", -math.inf

    def ended(self) -> str:
        """The result of the latest check."""
        if not self._seen and _clock.monotonic() - self._at >= LOOK_SECONDS:
            self._seen = self._look()
            self._at = _clock.monotonic()
        return self._seen


@dataclass(frozen=True)
class BrokerSettings:
    """The settings that the kit starts a broker with.

    Attributes:
        kafka_version: the version of Confluent's image.
        image: a Docker image instead of that one.
        startup_timeout: seconds until the broker must answer, not counting a pull.
        broker_config: Kafka settings by name, which override the kit's own.
        environment: variables for the container.
        network: a Docker network to join, as a name or as testcontainers' `Network`.
        network_alias: the broker's name in that network.
        reuse: use the kept broker with these settings, and leave it running.

    Raises:
        TypeError, ValueError: one of them can't be used.
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
                f"got {shown(self.kafka_version)}"
            )
        if self.image is not None and not IMAGE.match(
            _arguments.text("image", self.image)
        ):
            raise ValueError(
                "image must be the name of an image, for example apache/kafka:4.1.0, "
                f"got {shown(self.image)}"
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
