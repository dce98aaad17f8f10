"""The Docker daemon: where it is, whether it answers, and which images it has.

The search follows testcontainers, so that the kit's own requests and its containers go
to the same daemon.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from spark_kafka_testkit import _clock
from spark_kafka_testkit._imports import find_package, shadow_text
from spark_kafka_testkit.errors import BrokerStartError, MissingDependencyError

__all__ = [
    "Daemon",
    "await_docker",
    "docker_client",
    "docker_problem",
    "find_daemon",
    "image_name",
    "is_named",
    "pull",
    "require_packages",
]

log = logging.getLogger("spark_kafka_testkit")

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
PROBE_SECONDS = 0.15
"""How long `auto` waits for a daemon on this machine."""
NETWORK_SECONDS = 2.0
"""How long `auto` waits over a network, where names, TLS and ssh need time."""
LATE_SECONDS = 30.0
"""How long a named daemon may take to listen, such as the service of a CI job."""
PING = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
HUB_PREFIX = "hub_image_name_prefix"


@dataclass(frozen=True)
class Daemon:
    """The place of a Docker daemon.

    Attributes:
        address: the address as given: `tcp://docker:2376`.
        settings: arguments for docker-py's client, to reach the daemon.
        is_named: whether DOCKER_HOST, or `tc.host` in ~/.testcontainers.properties,
            names it.
    """

    address: str = DEFAULT_ADDRESS
    settings: dict[str, Any] = field(default_factory=dict)
    is_named: bool = False

    @property
    def is_near(self) -> bool:
        """Whether it is on this machine."""
        url = urlsplit(self.address)
        is_loopback = url.hostname in ("localhost", "127.0.0.1", "::1")
        return "unix" in url.scheme or (url.scheme != "ssh" and is_loopback)


def require_packages() -> None:
    """Check that testcontainers and docker-py, which comes with it, are installed.

    Raises:
        MissingDependencyError: one is missing, or another module has its name.
    """
    for name, inside in (("testcontainers", ("core",)), ("docker", ("api", "client"))):
        package = find_package(name, inside)
        if package is None:
            raise MissingDependencyError(
                "testcontainers is required for Kafka tests. "
                "Install it with: pip install testcontainers[kafka]"
            )
        if package.shadow is not None:
            raise MissingDependencyError(shadow_text(name, name, package.shadow))


def find_daemon() -> Daemon:
    """Find the daemon where testcontainers would, which heeds contexts from 4.15 on.

    Raises:
        MissingDependencyError: as `require_packages`.
        Exception: from docker-py, about settings that can't be used.
    """
    if _nothing_is_set():
        return Daemon()  # found without packages that are slow to import
    require_packages()
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.docker_client import get_docker_host

    environment = dict(os.environ)
    is_named = bool(
        environment.get("DOCKER_HOST")
        or testcontainers_config.tc_properties_get_tc_host()
    )
    if host := get_docker_host():
        environment["DOCKER_HOST"] = host
    settings = kwargs_from_env(environment=environment)
    if "base_url" not in settings:
        # docker-py heeds contexts itself from 7.2 on
        by_context: Any = getattr(ContextAPI, "kwargs_from_context", None)
        if by_context is not None:
            settings = {**by_context(environment=environment), **settings}
    address = settings.get("base_url") or DEFAULT_ADDRESS
    return Daemon(str(address).removeprefix("http+"), settings, is_named)


def _nothing_is_set() -> bool:
    """Whether no setting moves the daemon from its default place."""
    if os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"):
        return False
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() may raise
    folder = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker")
    files = (
        home / ".testcontainers.properties",
        folder / "config.json",
        home / ".dockercfg",
    )
    return not any(file.exists() for file in files)


def docker_problem(seconds: float | None = None) -> str | None:
    """The reason why no Docker daemon can be used, or None if one answers.

    Args:
        seconds: how long it may take. The default is `PROBE_SECONDS`, or
            `NETWORK_SECONDS` over a network.
    """
    try:
        daemon = find_daemon()
    except ImportError as error:
        if find_package("testcontainers", ("core",)) is not None:
            return str(error)
        return "testcontainers, which finds the Docker daemon, is not installed"
    except Exception as error:  # noqa: BLE001  docker-py's errors share no class
        return _unusable(error)
    try:
        if seconds is None:
            seconds = PROBE_SECONDS if daemon.is_near else NETWORK_SECONDS
        answer = _ask(daemon, seconds)
    except Exception as error:  # noqa: BLE001  from sockets, ssl, or docker-py
        return f"No Docker daemon answers at {daemon.address} ({error})"
    if b" 200 " in answer.partition(b"\n")[0]:
        return None
    if b"to an HTTPS server" in answer:  # the wording of Go's servers
        return (
            f"The Docker daemon at {daemon.address} requires TLS (set "
            "DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to its certificates)"
        )
    return f"The server at {daemon.address} is not a Docker daemon"


def _unusable(error: Exception) -> str:
    """The message about settings that docker-py can't use."""
    from docker.errors import TLSParameterError

    host = os.environ.get("DOCKER_HOST") or DEFAULT_ADDRESS
    if isinstance(error, TLSParameterError):
        folder = os.environ.get("DOCKER_CERT_PATH") or "~/.docker"
        reason = f"ca.pem, cert.pem or key.pem is missing in {folder}"
    else:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"The Docker daemon can't be reached at {host} ({reason})"


def await_docker(seconds: float) -> None:
    """Wait until the daemon answers, for up to `seconds`.

    If nothing listens yet, a daemon that somebody has named gets up to `LATE_SECONDS`.
    The service of a CI job starts together with the job, and makes its certificates
    first.

    Raises:
        BrokerStartError: none answers.
    """
    started = _clock.monotonic()
    patience: float | None = None
    while (problem := docker_problem(seconds)) is not None:
        waited = _clock.monotonic() - started
        if patience is None:
            patience = min(seconds, LATE_SECONDS) if is_named() else 0
            if waited < patience:
                log.warning("%s. Waiting up to %g s", problem, patience)
        if waited >= patience:
            limit = seconds if waited >= seconds else patience
            after = f", even after {limit:g} s" if limit else ""
            raise BrokerStartError(
                f"Docker is not running: {problem}{after}. Start it (check with: "
                "docker ps), or use the backend `embedded`, which needs none."
            )
        time.sleep(0.2)


def is_named() -> bool:
    """Whether somebody has named a daemon for this environment."""
    try:
        return find_daemon().is_named
    except Exception:  # noqa: BLE001  its certificates may not exist yet
        return bool(os.environ.get("DOCKER_HOST"))


def _ask(daemon: Daemon, seconds: float) -> bytes:
    """Ping the daemon and return how its answer begins.

    No process and no connection is left behind.
    """
    deadline = _clock.monotonic() + seconds
    if not daemon.settings:
        path = DEFAULT_ADDRESS.removeprefix("unix://")
        return _ask_at(socket.AF_UNIX, path, deadline)
    from docker.utils import parse_host

    tls = daemon.settings.get("tls")
    url = urlsplit(parse_host(daemon.address, tls=bool(tls)))
    if url.scheme == "ssh":
        return _ask_by_ssh(url, seconds)
    if url.scheme == "http+unix":
        return _ask_at(socket.AF_UNIX, url.netloc + url.path, deadline)
    host, port = str(url.hostname), int(url.port or 0)
    context = _tls_context(tls) if url.scheme == "https" else None
    failures = []
    for family, address in _resolved(host, port, deadline):
        try:
            return _ask_at(family, address, deadline, context, host)
        except OSError as error:
            failures.append(error)
    raise failures[0]


def _ask_at(
    family: int,
    address: Any,
    deadline: float,
    tls: ssl.SSLContext | None = None,
    host: str | None = None,
) -> bytes:
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(_left(deadline))
        plain.connect(address)
        if tls is None:
            return _ping(plain, deadline)
        plain.settimeout(_left(deadline))
        with tls.wrap_socket(plain, server_hostname=host) as wrapped:
            return _ping(wrapped, deadline)


def _ping(connection: socket.socket, deadline: float) -> bytes:
    connection.sendall(PING)
    answer = b""
    while b"\n" not in answer and len(answer) < 4096:
        connection.settimeout(_left(deadline))
        part = connection.recv(1024)
        if not part:
            break
        answer += part
    return answer


def _left(deadline: float) -> float:
    left = deadline - _clock.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _resolved(host: str, port: int, deadline: float) -> list[tuple[int, Any]]:
    """The addresses of a host.

    A resolver that hangs stays in its thread, which no exit waits for.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # an invalid name is a ValueError
            answers.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError("its name was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return [(family, address) for family, _, _, _, address in answer]


def _tls_context(settings: Any) -> ssl.SSLContext:
    """A context that verifies and presents what docker-py's `TLSConfig` would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not settings or settings.verify:
        if settings and settings.ca_cert:
            context.load_verify_locations(settings.ca_cert)
        else:
            context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings and settings.cert:
        context.load_cert_chain(*settings.cert)
    return context


def _ask_by_ssh(url: SplitResult, seconds: float) -> bytes:
    """Ask over ssh, as docker-py and Docker's own command do.

    There is no prompt for a password.
    """
    program = shutil.which("ssh")
    if program is None:
        raise OSError("ssh is not installed")
    user, _, host = url.netloc.rpartition("@")
    name, _, port = host.partition(":")
    options = ["-o", "BatchMode=yes", *(["-l", user] if user else []), "-p", port]
    command = [program, *options, "--", name, "docker system dial-stdio"]
    try:
        done = subprocess.run(
            command, input=PING, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError("timed out") from None
    if not done.stdout and done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else f"ssh ended with code {done.returncode}")
    return done.stdout


@contextmanager
def docker_client() -> Iterator[Any]:
    """A docker-py client for that daemon.

    testcontainers has one too, but it logs in to a registry first and changes
    DOCKER_HOST of this process.
    """
    import docker

    client: Any = docker.DockerClient(**find_daemon().settings, use_ssh_client=True)
    try:
        yield client
    finally:
        client.close()


def image_name(image: str) -> str:
    """The name of the image that testcontainers starts for this one.

    From 4.15 on it puts TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX in front.
    """
    from testcontainers.core.config import testcontainers_config

    return str(getattr(testcontainers_config, HUB_PREFIX, "")) + image


def pull(image: str) -> None:
    """Pull the image unless it is there, with a progress bar on a terminal.

    Args:
        image: its name, with the prefix.

    Raises:
        BrokerStartError: it can't be pulled.
    """
    from docker.errors import APIError, ImageNotFound

    with docker_client() as client:
        try:
            client.images.get(image)
        except ImageNotFound:
            try:
                _pull(client, image)
            except APIError as error:
                raise BrokerStartError(
                    f"it can't be pulled: {error.explanation}"
                ) from error


def _pull(client: Any, image: str) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    layers: dict[str, tuple[int, int]] = {}
    repository, tag = _reference(image)
    events = client.api.pull(
        repository, tag, stream=True, decode=True, auth_config=_credentials(repository)
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task(f"Pulling {image}", total=None)
        for event in events:
            if "error" in event:
                raise BrokerStartError(f"it can't be pulled: {event['error']}")
            detail = event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and detail.get("total"):
                layers[event["id"]] = (detail["current"], detail["total"])
                done = sum(current for current, _ in layers.values())
                total = sum(size for _, size in layers.values())
                progress.update(task, completed=done, total=total)


def _reference(image: str) -> tuple[str, str | None]:
    """Repository and tag, with `latest` if there is neither a tag nor a digest."""
    if "@" in image:
        return image, None
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        return image, "latest"
    return repository, tag


def _credentials(repository: str) -> dict[str, Any] | None:
    """The entry of DOCKER_AUTH_CONFIG for this image's registry, or None.

    With None, docker-py looks into ~/.docker/config.json.

    Raises:
        BrokerStartError: its content is not valid for Docker's config.json.
    """
    from docker import auth

    text = os.environ.get("DOCKER_AUTH_CONFIG")
    if not text:
        return None
    try:
        config = auth.load_config(config_dict=json.loads(text))
        registry, _ = auth.resolve_repository_name(repository)
        return config.resolve_authconfig(registry) or None
    except Exception as error:  # noqa: BLE001  its text may hold a password
        raise BrokerStartError(
            "it can't be pulled: DOCKER_AUTH_CONFIG is not usable "
            f"({type(error).__name__}). It must have the form of Docker's config.json"
        ) from None
