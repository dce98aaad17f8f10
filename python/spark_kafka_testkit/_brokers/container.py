"""A broker in a container, started by testcontainers from a Confluent or Apache image.

Inside a Docker network the broker also answers other containers, at `alias:9092`.
"""

from __future__ import annotations

import io
import logging
import os
import re
import tarfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers.broker import OWN_CONFIG, BrokerSettings, Look
from spark_kafka_testkit._brokers.docker import (
    HUB_PREFIX,
    await_docker,
    image_name,
    pull,
    require_packages,
)
from spark_kafka_testkit._brokers.ports import free_ports
from spark_kafka_testkit._kafka_python.admin import await_api
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.errors import (
    BrokerStartError,
    BrokerUnreachableError,
)

__all__ = ["ContainerBroker", "image_of", "prepare"]

log = logging.getLogger("spark_kafka_testkit")

LABEL = "spark-kafka-testkit"
LOG_LINES = 50
NETWORK_PORT = 9092
HOST_PORT = 9093
CONTROLLER_PORT = 9094
PORT_TRIES = 5


def image_of(settings: BrokerSettings) -> str:
    """The image that these settings ask for."""
    return settings.image or f"confluentinc/cp-kafka:{settings.kafka_version}"


def prepare(settings: BrokerSettings) -> None:
    """Pull the image, so that a container can be started.

    Raises:
        MissingDependencyError: testcontainers is not installed.
        BrokerStartError: no Docker daemon answers within `startup_timeout`, or the
            image is not available.
    """
    require_packages()
    await_docker(settings.startup_timeout)
    image = image_name(image_of(settings))
    try:
        pull(image)
    except Exception as error:
        raise _start_error(image, _first_line(error)) from error


def _start_error(image: str, reason: str, tail: str = "") -> BrokerStartError:
    return BrokerStartError(
        f"Kafka container failed to start from image {image}: {reason}", tail
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class ContainerBroker:
    """A broker in a container, started by the constructor.

    The constructor returns when the broker answers at the address that it advertises to
    this machine. An image whose name ends in `apache/kafka` or `apache/kafka-native` is
    started the way Apache's images are. Any other is started the way Confluent's are:
    in KRaft mode from version 7 on, with ZooKeeper before.

    Raises:
        MissingDependencyError: testcontainers is not installed.
        BrokerStartError: no Docker daemon answers, the image is not available, or the
            broker did not come up. The text has the reason and the end of the
            container's log.
    """

    backend = "container"
    is_visited = False
    log_file: str | None = None

    def __init__(self, settings: BrokerSettings) -> None:
        prepare(settings)
        self._image = image_name(image_of(settings))
        self._alias = settings.network_alias if settings.network else None
        self._name = ""
        self._container: Any = None
        self._look = Look(self._how_it_ended)
        try:
            with _ryuk_if_it_runs():
                self._start(settings)
                self.bootstrap_servers = self._address()
                self._await_api(settings.startup_timeout)
        except Exception as error:
            reason = self._reason(error, settings.startup_timeout)
            tail = self._log_end()
            self._remove()
            raise _start_error(self._image, reason, tail) from error
        except BaseException:
            self._remove()
            raise

    @property
    def network_broker(self) -> str | None:
        """The address for other containers of its network, or None without one."""
        return f"{self._alias}:{NETWORK_PORT}" if self._alias else None

    @property
    def container_id(self) -> str:
        """Docker's id for the container."""
        return str(self._container.get_wrapped_container().id)

    @property
    def ended(self) -> str:
        """How the container has ended, according to Docker."""
        return self._look.ended()

    def _how_it_ended(self) -> str:
        code = self._exit_code()
        return "" if code is None else f"its container exited with code {code}"

    @property
    def name(self) -> str:
        """A readable name."""
        return f"{self._image} in a container"

    def describe(self) -> str:
        return f"{self.name}, at {self.bootstrap_servers}"

    def log_tail(self, lines: int = LOG_LINES) -> str:
        """The last lines of the container's log."""
        wrapped = self._container.get_wrapped_container() if self._container else None
        if wrapped is None:
            return ""
        text = wrapped.logs(tail=lines).decode(errors="replace")
        return str(text).rstrip()

    def note_topics(self, names: Collection[str]) -> None:
        pass  # they are removed with the broker

    def stop(self) -> None:
        """Remove the container and its volumes."""
        self._remove()

    def _remove(self) -> None:
        container, self._container = self._container, None
        if container is None:
            return
        from docker.errors import NotFound

        wrapped = container.get_wrapped_container()
        try:
            if wrapped is None:
                # testcontainers before 4.15 forgets a container that it could not start
                client = container.get_docker_client().client
                client.containers.get(self._name).remove(force=True, v=True)
            container.stop(force=True, delete_volume=True)
        except NotFound:
            pass  # somebody else removed it, or it never existed
        except Exception as error:  # noqa: BLE001  the daemon may be gone
            log.warning(
                "the container was not removed (%s: %s). When Docker answers again, "
                "remove it with: docker rm -fv %s",
                type(error).__name__,
                error,
                wrapped.id[:12] if wrapped is not None else self._name,
            )

    def _start(self, settings: BrokerSettings) -> None:
        from docker.errors import APIError

        is_apache = re.search(r"(^|/)apache/kafka(-native)?(:|@|$)", self._image)
        start = self._start_apache if is_apache else self._start_confluent
        for attempt in range(1, PORT_TRIES + 1):
            self._name = f"{LABEL}-{uuid.uuid4().hex[:12]}"
            try:
                start(settings)
            except APIError as error:
                if not _is_port_taken(error) or attempt == PORT_TRIES:
                    raise
                self._remove()
            else:
                return

    def _start_confluent(self, settings: BrokerSettings) -> None:
        """Start Confluent's image on a port that Docker chooses.

        Docker picks one that is free where it looks. On a rootless engine that is not
        where the port is published.
        """
        image = image_of(settings)
        container = _kafka_container()(image, port=HOST_PORT).with_name(self._name)
        # with_kraft() does nothing else, but fails on tags that are not plain versions
        container.kraft_enabled = _has_kraft(image)
        container.create_file = partial(_put_whole, container)
        self._container = _configured(container, settings, None)
        container.start(timeout=settings.startup_timeout)

    def _start_apache(self, settings: BrokerSettings) -> None:
        """Start Apache's image on a port chosen here.

        The container must know the advertised port before it starts.
        """
        from testcontainers.core.container import DockerContainer

        (port,) = free_ports(1)
        container = DockerContainer(image_of(settings)).with_name(self._name)
        host = container.get_docker_client().host()
        for name, value in _apache_environment(host, port, self._alias).items():
            container.with_env(name, value)
        container.with_bind_ports(HOST_PORT, port)
        self._container = _configured(container, settings, port)
        self._host_address = f"{host}:{port}"
        container.start()

    def _address(self) -> str:
        container = self._container
        if hasattr(container, "get_bootstrap_server"):
            return str(container.get_bootstrap_server())
        return self._host_address

    def _await_api(self, seconds: float) -> None:
        """Wait until the broker answers at its address.

        A line in its log is not enough.
        """
        deadline = _clock.monotonic() + seconds
        while True:
            try:
                await_api(ClientConfig(self.bootstrap_servers), 1.0)
            except BrokerUnreachableError:
                if self._exit_code() is not None or _clock.monotonic() >= deadline:
                    raise
            else:
                return

    def _reason(self, error: Exception, seconds: float) -> str:
        code = self._exit_code()
        if code is not None:
            return f"it exited with code {code}"
        if isinstance(error, (TimeoutError, BrokerUnreachableError)):
            return f"it was not ready within {seconds:g} s"
        return _first_line(error)

    def _exit_code(self) -> int | None:
        """The container's exit code, or None while it is running or does not exist."""
        wrapped = self._container.get_wrapped_container() if self._container else None
        if wrapped is None:
            return None
        try:
            wrapped.reload()
        except Exception:  # noqa: BLE001  it only describes another error
            return None
        ended = wrapped.status in ("exited", "dead")
        return int(wrapped.attrs["State"]["ExitCode"]) if ended else None

    def _log_end(self) -> str:
        try:
            tail = self.log_tail()
        except Exception as error:  # noqa: BLE001  it only describes another error
            tail = f"(no log: {error})"
        return tail


def _kafka_container() -> Any:
    try:
        from testcontainers.community.kafka import KafkaContainer
    except ImportError:  # before testcontainers 4.15
        from testcontainers.kafka import KafkaContainer
    return KafkaContainer


def _put_whole(container: Any, content: bytes, path: str) -> None:
    """Put a file into the container, whole or not at all.

    The container waits for its start script. It would run one that is still empty and
    end with code 0. The engine makes the hard link only after it has written the file
    that it links to.
    """
    name = path.lstrip("/")
    part = tarfile.TarInfo(f"{name}.part")
    part.size, part.mtime = len(content), int(_clock.now())
    whole = tarfile.TarInfo(name)
    whole.type, whole.linkname, whole.mtime = tarfile.LNKTYPE, part.name, part.mtime
    with io.BytesIO() as archive:
        with tarfile.TarFile(fileobj=archive, mode="w") as tar:
            tar.addfile(part, io.BytesIO(content))
            tar.addfile(whole)
        container.get_wrapped_container().put_archive("/", archive.getvalue())


def _is_port_taken(error: Exception) -> bool:
    """Whether the engine could not publish a port because it is in use.

    The phrases are those of Docker, of rootless Docker and Podman, and of Podman's
    machine.
    """
    words = (
        "port is already allocated",
        "address already in use",
        "proxy already running",
    )
    return any(each in str(error).lower() for each in words)


def _has_kraft(image: str) -> bool:
    """Whether this image of Confluent's has KRaft, as they do from 7.0 on.

    A tag that is not a version counts as recent.
    """
    tag = image.rpartition("/")[2].partition(":")[2]
    version = re.match(r"(\d+)\.", tag)
    return version is None or int(version[1]) >= 7


def _configured(container: Any, settings: BrokerSettings, port: int | None) -> Any:
    config = {**OWN_CONFIG, **settings.broker_config}
    for name, value in config.items():
        container.with_env(_variable(name), value)
    for name, value in settings.environment.items():
        container.with_env(name, value)
    if settings.network:
        from testcontainers.core.network import Network

        network = Network()
        network.name = getattr(settings.network, "name", settings.network)
        container.with_network(network).with_network_aliases(settings.network_alias)
    _publish_on_loopback(container, port)
    container.with_kwargs(labels={LABEL: str(os.getpid())})
    return container


def _variable(setting: str) -> str:
    """The environment variable that the images turn into this broker setting."""
    name = setting.replace("_", "__").replace("-", "___").replace(".", "_")
    return f"KAFKA_{name.upper()}"


def _publish_on_loopback(container: Any, port: int | None) -> None:
    """Publish the port on loopback only, if this machine is the Docker host.

    Docker would publish it on all interfaces, but nobody else needs it.
    """
    client = container.get_docker_client()
    mode = getattr(client.get_connection_mode(), "value", "")
    if mode == "docker_host" and client.host() in ("localhost", "127.0.0.1"):
        container.ports[HOST_PORT] = ("127.0.0.1", port) if port else ("127.0.0.1",)


def _apache_environment(host: str, port: int, alias: str | None) -> dict[str, str]:
    inside = alias or "localhost"
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@localhost:{CONTROLLER_PORT}",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{HOST_PORT},"
        f"BROKER://0.0.0.0:{NETWORK_PORT},CONTROLLER://localhost:{CONTROLLER_PORT}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{host}:{port},"
        f"BROKER://{inside}:{NETWORK_PORT}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }


@contextmanager
def _ryuk_if_it_runs() -> Iterator[None]:
    """Start testcontainers' reaper, or go on without it if it can't run.

    Without it only the exit hook removes the container. If this process is killed, the
    container stays, with our label.
    """
    from testcontainers.core.config import testcontainers_config as config
    from testcontainers.core.container import Reaper

    if config.ryuk_disabled:
        yield
        return
    try:
        with _ryuk_by_its_whole_name(config):
            Reaper.get_instance()
    except Exception as error:  # noqa: BLE001  a broker can do without the reaper
        log.warning(
            "testcontainers' reaper (Ryuk) can't run (%s). If this process is killed, "
            "remove its container with: docker rm -fv $(docker ps -aqf label=%s=%d)",
            _first_line(error),
            LABEL,
            os.getpid(),
        )
        config.ryuk_disabled = True
        try:
            yield
        finally:
            config.ryuk_disabled = False
        return
    yield


@contextmanager
def _ryuk_by_its_whole_name(config: Any) -> Iterator[None]:
    """Move the image prefix into the name of the reaper's image.

    testcontainers 4.15 recognizes its reaper by the image name without a prefix. With
    one it starts a reaper for the reaper, and so on (its issue 1085).
    """
    prefix, image = getattr(config, HUB_PREFIX, ""), config.ryuk_image
    if not prefix:
        yield
        return
    config.ryuk_image = prefix + image
    setattr(config, HUB_PREFIX, "")
    try:
        yield
    finally:
        config.ryuk_image = image
        setattr(config, HUB_PREFIX, prefix)
