"""Docker addresses of every kind, and daemons that hang or hang up."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.container import docker_problem

LIMIT_SECONDS = 0.5
REFUSED = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"


class Daemon(BaseHTTPRequestHandler):
    """Answers a ping as Docker does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: object) -> None:
        """Keeps the tests' output clean."""


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
    """As in a CI job with Docker in a container beside it."""
    monkeypatch.setenv("DOCKER_HOST", f"{scheme}://{tcp_daemon}")
    assert docker_problem() is None


def test_a_daemon_that_never_answers_costs_little_time(listener: socket.socket) -> None:
    """A user waits for it at every start."""
    started = time.monotonic()
    problem = docker_problem()
    assert time.monotonic() - started < LIMIT_SECONDS
    assert problem == (
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
    """Also none at all, where the connection is closed at once."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    problem = docker_problem()
    thread.join(5)
    assert problem == (
        f"What answers at unix://{listener.getsockname()} is no Docker daemon"
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
        "unix://",
        pytest.param(
            "tcp://127.0.0.1:99999",
        ),
        pytest.param(
            "tcp://127.0.0.1:port",
        ),
    ],
)
def test_an_address_that_leads_nowhere_is_a_problem_not_an_error(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """`auto` takes the embedded broker then; the address is in the text."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert f" at {host} (" in str(docker_problem())


def test_an_empty_docker_host_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
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
            connection.settimeout(5)
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            ends.append(connection.recv(1000))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert docker_problem() is None
    thread.join(10)
    assert ends == [b""]
