"""A broker in a container, by testcontainers."""

from __future__ import annotations

import os
import socket
from typing import Any
from urllib.parse import urlparse

from spark_kafka_testkit.errors import BrokerStartError, MissingDependencyError

__all__ = ["ContainerBroker", "docker_problem"]

PROBE_SECONDS = 0.15
START_SECONDS = 120


class ContainerBroker:
    """Confluent's Kafka image of a version, in KRaft mode.

    Raises:
        MissingDependencyError: testcontainers is not installed.
        BrokerStartError: no Docker daemon answers, or the container did not come up.
    """

    backend = "container"

    def __init__(self, kafka_version: str) -> None:
        problem = docker_problem()
        if problem is not None:
            raise BrokerStartError(
                f"{problem}. Start Docker (check with: docker ps), or use "
                'backend="embedded", which needs none.'
            )
        self._image = f"confluentinc/cp-kafka:{kafka_version}"
        container = _kafka_container()(self._image).with_kraft()
        container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        try:
            container.start(timeout=START_SECONDS)
        except Exception as error:
            _remove(container)
            raise BrokerStartError(
                f"Kafka container failed to start from image {self._image}: {error}"
            ) from error
        self._container: Any = container
        self.bootstrap_servers = str(container.get_bootstrap_server())

    def describe(self) -> str:
        return f"{self._image} in a container, at {self.bootstrap_servers}"

    def stop(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            container.stop()


def docker_problem() -> str | None:
    """Why no Docker daemon can be used, or None where one answers; decided within
    `PROBE_SECONDS`.
    """
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    address = urlparse(host)
    try:
        if address.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                return _ping(probe, address.path, host)
        with socket.socket() as probe:
            return _ping(
                probe, (address.hostname or "localhost", address.port or 2375), host
            )
    except OSError as error:
        return f"No Docker daemon answers at {host} ({error})"


def _ping(
    probe: socket.socket, address: str | tuple[str, int], host: str
) -> str | None:
    probe.settimeout(PROBE_SECONDS)
    probe.connect(address)
    probe.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
    answer = probe.recv(64)
    return None if b" 200 " in answer else f"What answers at {host} is no Docker daemon"


def _kafka_container() -> Any:
    try:
        try:
            from testcontainers.community.kafka import KafkaContainer
        except ImportError:
            from testcontainers.kafka import KafkaContainer
    except ImportError as error:
        raise MissingDependencyError(
            "testcontainers is required for Kafka tests. Install it with: pip install "
            "testcontainers[kafka]"
        ) from error
    return KafkaContainer


def _remove(container: Any) -> None:
    try:
        container.stop()
    except Exception:  # noqa: BLE001  the user must see the start's own failure
        pass
