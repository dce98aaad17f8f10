"""Find kept brokers again, by their kind and settings."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.container import image_of
from spark_kafka_testkit._brokers.docker import docker_client
from spark_kafka_testkit._jvm.jars import broker_version
from spark_kafka_testkit._kept.lease import FORMAT, Lease, LeaseFile
from spark_kafka_testkit._network import is_listening
from spark_kafka_testkit.errors import (
    BrokerStartError,
    BrokerStopError,
    KafkaTestkitError,
)

__all__ = ["BrokerFile", "BrokerLease", "Kind", "network_name"]

log = logging.getLogger("spark_kafka_testkit")

Kind = Literal["container", "embedded"]


@dataclass(frozen=True)
class BrokerLease(Lease):
    """The lease of a kept broker.

    Attributes:
        kind: `"container"` or `"embedded"`.
        address: its bootstrap servers.
        network_broker: its address in its Docker network, or None.
        container: the container's id, or None.
    """

    noun = "broker"
    folder = "kept"

    kind: str
    address: str
    network_broker: str | None
    container: str | None

    def check(self) -> None:
        if not re.fullmatch(r".+:\d{1,5}", self.address):
            raise ValueError(f"its address is {self.address!r}"[:200])

    @property
    def where(self) -> str:
        return f"at {self.address}"

    def answers(self) -> bool:
        return is_listening(self.address)

    def remove_remains(self) -> None:
        """Remove the container, if no reaper has removed it."""
        if self.container is not None:
            _remove_container(self.container)

    @classmethod
    def start_error(cls, *parts: str) -> KafkaTestkitError:
        return BrokerStartError(*parts)

    @classmethod
    def parts_of(cls, error: KafkaTestkitError) -> Sequence[str]:
        return BrokerStartError.parts(error)

    @classmethod
    def stop_error(cls, reason: str) -> KafkaTestkitError:
        return BrokerStopError(reason)


class BrokerFile(LeaseFile[BrokerLease]):
    """The files of one kept broker."""

    def __init__(self, key: str) -> None:
        super().__init__(BrokerLease, key)

    @classmethod
    def of(cls, kind: Kind, settings: BrokerSettings) -> BrokerFile:
        """The files of a broker of this kind with these settings."""
        facts: dict[str, object] = {
            "broker_config": dict(settings.broker_config),
            "format": FORMAT,
        }
        if kind == "embedded":
            facts["version"] = broker_version()
        else:
            facts.update(
                image=image_of(settings),
                environment=dict(settings.environment),
                network=network_name(settings),
                alias=settings.network_alias,
            )
        text = json.dumps(facts, sort_keys=True)
        return cls(f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}")

    @property
    def topics(self) -> Path:
        """The file with the names of topics to remove.

        They were created by the run that uses the broker, or by one that was killed.
        """
        return self.folder / f"{self.key}.topics"

    def files(self) -> list[Path]:
        return [*super().files(), self.topics]

    def note_topics(self, names: Iterable[str]) -> None:
        """Write the names of topics that the run has created and that still exist."""
        self.write_whole(self.topics, "\n".join(sorted(names)))

    def noted_topics(self) -> list[str]:
        """The names that were written last."""
        try:
            return self.topics.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []


def network_name(settings: BrokerSettings) -> str | None:
    """The name of the Docker network, whether it was given as a name or an object."""
    if not settings.network:
        return None
    return str(getattr(settings.network, "name", settings.network))


def _remove_container(container: str) -> None:
    from docker.errors import NotFound

    try:
        with docker_client() as client:
            client.containers.get(container).remove(force=True, v=True)
    except NotFound:
        pass
    except Exception as error:  # noqa: BLE001  the daemon or its settings may be gone
        log.warning("the container %s could not be removed: %s", container, error)
