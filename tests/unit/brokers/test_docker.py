"""Docker addresses of every kind, and daemons that hang or hang up."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from docker.context import ContextAPI

from spark_kafka_testkit import preflight
from spark_kafka_testkit._brokers import docker as _docker
from spark_kafka_testkit._brokers.docker import (
    await_docker,
    docker_problem,
    find_daemon,
)
from spark_kafka_testkit.errors import BrokerStartError
from spark_kafka_testkit.preflight import Finding
from tests.certificates import make_docker_certificates, mutual_tls
from tests.processes import HANG_SECONDS
from tests.systems import printed

REFUSED = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"


class Daemon(BaseHTTPRequestHandler):
    """Answers a ping as Docker does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: object) -> None:
        """Keeps the tests' output clean."""


ALIVE = b"HTTP/1.0 200 OK\r\n\r\nOK"


def answering(listener: socket.socket, answer: bytes, after: float = 0) -> None:
    """Answers whoever asks at the listener, until it is closed."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # it has been closed
            with connection:
                try:
                    connection.recv(1000)
                    time.sleep(after)
                    connection.sendall(answer)
                except OSError:
                    pass  # who asked did not wait

    threading.Thread(target=serve, daemon=True).start()


@pytest.fixture
def tcp_daemon() -> Iterator[str]:
    """The address of a daemon on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Daemon)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """Listens where DOCKER_HOST points."""
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield server


@pytest.mark.parametrize("scheme", ["tcp", "http"])
def test_a_daemon_on_tcp_is_found(
    monkeypatch: pytest.MonkeyPatch, tcp_daemon: str, scheme: str
) -> None:
    """A CI job may have Docker in a container beside it."""
    monkeypatch.setenv("DOCKER_HOST", f"{scheme}://{tcp_daemon}")
    assert docker_problem(60) is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nOK", None),
        (b"220 smtp ready\r\n", "The server at unix://{path} is not a Docker daemon"),
        (None, "No Docker daemon answers at unix://{path} (timed out)"),
    ],
)
def test_a_daemon_is_asked_not_believed(
    listener: socket.socket, answer: bytes | None, problem: str | None
) -> None:
    """A socket that hangs, or is another's, does not count as Docker."""
    path = listener.getsockname()
    if answer is not None:
        answering(listener, answer)
    assert docker_problem(0.15 if answer is None else 60) == (
        problem.format(path=path) if problem else None
    )


def test_a_daemon_that_never_answers_costs_little_time(listener: socket.socket) -> None:
    """A user waits for it at every start."""
    assert _docker.PROBE_SECONDS <= 0.2
    assert docker_problem() == (
        f"No Docker daemon answers at unix://{listener.getsockname()} (timed out)"
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.0 500 Internal Server Error\r\n\r\n",
        b"HTTP/1.0 403 Forbidden\r\n\r\n",
        b"\x00\xff\x00",
    ],
)
def test_another_answer_is_no_docker(listener: socket.socket, answer: bytes) -> None:
    """It is none where the connection is closed at once, too."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    problem = docker_problem(60)
    thread.join(HANG_SECONDS)
    assert problem == (
        f"The server at unix://{listener.getsockname()} is not a Docker daemon"
    )


def test_no_socket_is_no_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was tried is named."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    assert docker_problem() == (
        f"No Docker daemon answers at unix://{tmp_path}/none "
        "([Errno 2] No such file or directory)"
    )


def test_a_socket_that_nobody_listens_at_is_no_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that was killed may leave one behind."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    assert docker_problem() == (
        f"No Docker daemon answers at unix://{path} ({REFUSED})"
    )


@pytest.mark.parametrize(
    "host",
    [
        "tcp://127.0.0.1:1",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:port",
        "tcp://127.0.0.1",
        "tcp://[bad",
        "tcp://nowhere.invalid:2375",
        "fd://",
        "unix:///nowhere",
    ],
)
def test_an_address_that_leads_nowhere_is_a_problem_not_an_error(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """`auto` takes the embedded broker then; the address is in the text."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert f" at {host} (" in str(docker_problem())


def test_an_empty_docker_host_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's own client takes its default then; so the same is asked as without."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    without = docker_problem()
    monkeypatch.setenv("DOCKER_HOST", "")
    assert docker_problem() == without


def test_the_probe_is_closed(listener: socket.socket) -> None:
    """No connection to the daemon is left open."""
    ends: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(HANG_SECONDS)
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            ends.append(connection.recv(1000))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert docker_problem(60) is None
    thread.join(HANG_SECONDS)
    assert ends == [b""]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, and a client's `cert.pem` and `key.pem`, as Docker has."""
    folder = tmp_path_factory.mktemp("certificates")
    make_docker_certificates(folder)
    return folder


@pytest.fixture
def tls_daemon(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a daemon that lets nobody in without a certificate, as the one of
    GitLab's Docker-in-Docker service; DOCKER_HOST points there.
    """
    server = HTTPServer(("127.0.0.1", 0), Daemon)
    server.socket = mutual_tls(certificates).wrap_socket(
        server.socket, server_side=True
    )
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"tcp://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("DOCKER_HOST", address)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("verify", ["1", None])
def test_a_daemon_behind_tls_is_found(
    monkeypatch: pytest.MonkeyPatch,
    tls_daemon: str,
    certificates: Path,
    verify: str | None,
) -> None:
    """The client shows its certificate; with DOCKER_TLS_VERIFY it checks the daemon's."""
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    if verify:
        monkeypatch.setenv("DOCKER_TLS_VERIFY", verify)
    assert docker_problem(30) is None


def test_a_daemon_of_another_authority_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tls_daemon: str, tmp_path: Path
) -> None:
    """Docker's own command does not trust it either."""
    make_docker_certificates(tmp_path)
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    problem = str(docker_problem(30))
    assert problem.startswith(f"No Docker daemon answers at {tls_daemon} ([SSL: CERT")


def test_certificates_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, tls_daemon: str, tmp_path: Path
) -> None:
    """A service of a CI job may not have made them yet."""
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert docker_problem() == (
        f"The Docker daemon can't be reached at {tls_daemon} (ca.pem, cert.pem or "
        f"key.pem is missing in {tmp_path})"
    )


def test_a_daemon_that_wants_tls_says_so(listener: socket.socket) -> None:
    """It listens on port 2376, and the variables for it are not set."""
    refusal = (
        b"HTTP/1.0 400 Bad Request\r\n\r\n"
        b"Client sent an HTTP request to an HTTPS server.\n"
    )
    answering(listener, refusal)
    assert docker_problem(30) == (
        f"The Docker daemon at unix://{listener.getsockname()} requires TLS (set "
        "DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to its certificates)"
    )


def context(
    folder: Path, name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Docker context, as Colima, OrbStack, Rancher, Docker Desktop and rootless Docker
    make one, and no DOCKER_HOST.
    """
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    if not (folder / "config.json").exists():
        (folder / "config.json").write_text("{}")
    ContextAPI.create_context(name, host=host)


def test_the_current_context_is_heeded(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """testcontainers finds the daemon there, and so does `docker`."""
    address = f"unix://{listener.getsockname()}"
    answering(listener, ALIVE)
    context(tmp_path, "colima", address, monkeypatch)
    (tmp_path / "config.json").write_text('{"currentContext": "colima"}')
    assert (find_daemon().address, find_daemon().is_named) == (address, False)
    assert docker_problem(30) is None
    assert "DOCKER_HOST" not in os.environ


def test_docker_host_goes_before_a_context(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so with Docker's own command."""
    context(tmp_path, "colima", "unix:///nowhere", monkeypatch)
    (tmp_path / "config.json").write_text('{"currentContext": "colima"}')
    address = f"unix://{listener.getsockname()}"
    monkeypatch.setenv("DOCKER_HOST", address)
    assert (find_daemon().address, find_daemon().is_named) == (address, True)


def test_docker_context_is_heeded_where_docker_py_does(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-py heeds it from 7.2 on; before, testcontainers goes to the default
    address.
    """
    address = f"unix://{listener.getsockname()}"
    context(tmp_path, "rootless", address, monkeypatch)
    monkeypatch.setenv("DOCKER_CONTEXT", "rootless")
    heeds = hasattr(ContextAPI, "kwargs_from_context")
    assert find_daemon().address == (address if heeds else _docker.DEFAULT_ADDRESS)


def test_tc_host_is_heeded(listener: socket.socket, tmp_path: Path) -> None:
    """It stands in ~/.testcontainers.properties, and goes before DOCKER_HOST, as in
    testcontainers.
    """
    address = f"unix://{listener.getsockname()}"
    (tmp_path / ".testcontainers.properties").write_text(f"tc.host={address}\n")
    answering(listener, ALIVE)
    code = (
        "from spark_kafka_testkit._brokers.docker import *\n"
        "print(docker_problem(30), find_daemon().address, find_daemon().is_named)"
    )
    elsewhere = {"HOME": str(tmp_path), "DOCKER_HOST": "unix:///nowhere"}
    # in a process of its own: testcontainers reads its settings at import
    said = printed(code, {**os.environ, **elsewhere})
    assert said == f"None {address} True"


def ssh_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `ssh`, and the file that it writes its arguments to."""
    (folder / "ssh").write_text(f'#!/bin/sh\necho "$@" > {folder}/said\n{does}\n')
    (folder / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far:2222")
    return folder / "said"


def test_a_daemon_behind_ssh_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is the one that Docker's own client runs there, and nothing asks for
    a password.
    """
    said = ssh_that("printf 'HTTP/1.0 200 OK\\r\\n\\r\\nOK'", tmp_path, monkeypatch)
    assert docker_problem(30) is None
    assert said.read_text() == (
        "-o BatchMode=yes -l me -p 2222 -- far docker system dial-stdio\n"
    )


def test_what_ssh_says_is_in_the_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last line is the reason."""
    ssh_that("echo 'me@far: Permission denied' >&2; exit 255", tmp_path, monkeypatch)
    assert docker_problem(30) == (
        "No Docker daemon answers at ssh://me@far:2222 (me@far: Permission denied)"
    )


def test_an_ssh_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process is left."""
    ssh_that(f"echo $$ >> {tmp_path}/pids; exec sleep 600", tmp_path, monkeypatch)
    pids: list[str] = []
    while not pids:  # on a busy machine it may be ended before it has said one
        assert docker_problem() == (
            "No Docker daemon answers at ssh://me@far:2222 (timed out)"
        )
        if (tmp_path / "pids").exists():
            pids = (tmp_path / "pids").read_text().split()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_name_that_is_not_resolved_holds_nothing_up() -> None:
    """Neither the question nor the end of the process waits for it."""
    code = (
        "import socket, time\n"
        "socket.getaddrinfo = lambda *a, **k: time.sleep(600)\n"
        "from spark_kafka_testkit._brokers.docker import docker_problem\n"
        "print(docker_problem())"
    )
    environment = {**os.environ, "DOCKER_HOST": "tcp://docker:2375"}
    assert printed(code, environment) == (
        "No Docker daemon answers at tcp://docker:2375 "
        "(its name was not resolved in time)"
    )


def test_a_slow_daemon_is_too_slow_for_auto_alone(listener: socket.socket) -> None:
    """`auto` has another broker, `container` has not; `doctor` tells both."""
    address = f"unix://{listener.getsockname()}"
    answering(listener, ALIVE, after=4 * _docker.PROBE_SECONDS)
    assert docker_problem() == f"No Docker daemon answers at {address} (timed out)"
    await_docker(60)
    assert preflight.check_docker() == [
        Finding(
            "Docker",
            "warning",
            f"the daemon at {address} is slow to answer",
            "The backend `auto` uses the embedded broker, and `container` waits for "
            "the daemon.",
        )
    ]


def test_a_daemon_that_listens_late_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The Docker service of a CI job begins with the job. The log says what is waited
    for.
    """
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as server:

        def begin() -> None:
            while not caplog.messages:
                time.sleep(0.01)
            server.bind(str(path))
            server.listen()
            answering(server, ALIVE)

        thread = threading.Thread(target=begin, daemon=True)
        thread.start()
        await_docker(120)
        thread.join(5)
    assert caplog.messages == [
        f"No Docker daemon answers at unix://{path} ([Errno 2] No such file or "
        "directory). Waiting up to 30 s"
    ]


def test_a_daemon_that_never_comes_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says how long it was waited for."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(BrokerStartError) as caught:
        await_docker(0.5)
    assert str(caught.value) == (
        f"Docker is not running: No Docker daemon answers at unix://{tmp_path}/none "
        "([Errno 2] No such file or directory), even after 0.5 s. Start it (check "
        "with: docker ps), or use the backend `embedded`, which needs none."
    )


def test_a_daemon_that_nobody_has_named_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer who has not started Docker is told at once."""
    context(tmp_path, "colima", f"unix://{tmp_path}/none", monkeypatch)
    (tmp_path / "config.json").write_text('{"currentContext": "colima"}')
    with pytest.raises(BrokerStartError) as caught:
        await_docker(3600)
    assert str(caught.value) == (
        f"Docker is not running: No Docker daemon answers at unix://{tmp_path}/none "
        "([Errno 2] No such file or directory). Start it (check with: docker ps), or "
        "use the backend `embedded`, which needs none."
    )


def test_docker_auth_config_is_heeded_for_each_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not heeded for the first alone, and a password may have a colon in it."""
    auths = {
        "https://index.docker.io/v1/": {"auth": b64encode(b"a:hub").decode()},
        "registry.example.com": {"auth": b64encode(b"b:se:cret").decode()},
    }
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": auths}))
    logins = [
        _docker._credentials(repository)
        for repository in ("registry.example.com/x/kafka", "apache/kafka", "other:5/x")
    ]
    names = [each and (each["username"], each["password"]) for each in logins]
    assert names == [("b", "se:cret"), ("a", "hub"), None]


def test_a_docker_auth_config_that_is_none_shows_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The text names the variable, and not what is in it."""
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", '{"auths": "se:cret"')
    with pytest.raises(BrokerStartError) as caught:
        _docker._credentials("apache/kafka")
    assert str(caught.value) == (
        "it can't be pulled: DOCKER_AUTH_CONFIG is not usable (JSONDecodeError). It "
        "must have the form of Docker's config.json"
    )
