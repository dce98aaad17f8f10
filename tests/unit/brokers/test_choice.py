"""Which broker is taken, by argument and environment; and whether Docker answers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.choice import choose_backend
from spark_kafka_testkit._brokers.docker import docker_problem
from spark_kafka_testkit._brokers.start import start_any

BACKEND = "SPARK_KAFKA_TESTKIT_BACKEND"
BOOTSTRAP = "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = [name for name in os.environ if name.startswith("DOCKER_")]
    for name in (BACKEND, BOOTSTRAP, *docker):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("backend", "address", "environment", "chosen"),
    [
        (None, None, {}, ("auto", None)),
        ("embedded", None, {}, ("embedded", None)),
        (None, "h:1", {}, ("external", "h:1")),
        ("auto", "h:1", {}, ("external", "h:1")),
        ("external", "h:1", {}, ("external", "h:1")),
        (None, None, {BACKEND: "container"}, ("container", None)),
        ("embedded", None, {BACKEND: "container"}, ("embedded", None)),
        (None, None, {BOOTSTRAP: "h:2"}, ("external", "h:2")),
        (None, "h:1", {BOOTSTRAP: "h:2"}, ("external", "h:1")),
        (None, "h:1", {BACKEND: "embedded"}, ("external", "h:1")),
        ("external", None, {BOOTSTRAP: "h:2"}, ("external", "h:2")),
        ("embedded", None, {BOOTSTRAP: "h:2"}, ("embedded", None)),
        (None, None, {BACKEND: ""}, ("auto", None)),
    ],
)
def test_arguments_come_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    backend: str | None,
    address: str | None,
    environment: dict[str, str],
    chosen: tuple[str, str | None],
) -> None:
    """An address means an external broker; nothing at all means auto."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choose_backend(backend, address) == chosen


@pytest.mark.parametrize(
    ("backend", "address", "text"),
    [
        (
            "docker",
            None,
            "backend='docker' is not known; "
            "valid are auto, container, embedded, external",
        ),
        (
            "embedded",
            "h:1",
            "backend='embedded' starts a broker of its own; "
            "leave out bootstrap_servers='h:1'",
        ),
        (
            "external",
            None,
            "backend='external' needs bootstrap_servers=..., or "
            "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS in the environment",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    backend: str, address: str | None, text: str
) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match="backend") as caught:
        choose_backend(backend, address)
    assert str(caught.value) == text


@contextmanager
def daemon(path: Path, answer: bytes | None) -> Iterator[None]:
    """Something that listens where Docker's socket is; with None it never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        held: list[socket.socket] = []

        def serve() -> None:
            connection, _ = server.accept()
            held.append(connection)
            if answer is not None:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(5)
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nOK", None),
        (b"220 smtp ready\r\n", "What answers at unix://{path} is no Docker daemon"),
        (None, "No Docker daemon answers at unix://{path} (timed out)"),
    ],
)
def test_a_daemon_is_asked_not_believed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
    problem: str | None,
) -> None:
    """A socket that hangs, or is another's, does not count as Docker."""
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with daemon(path, answer):
        found = docker_problem(0.15 if answer is None else 60)
    assert found == (problem.format(path=path) if problem else None)


def test_no_socket_is_no_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was tried is named."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    assert docker_problem() == (
        f"No Docker daemon answers at unix://{tmp_path}/none "
        "([Errno 2] No such file or directory)"
    )


def test_auto_says_where_docker_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who sets DOCKER_HOST wants a container; where none can be had, the log warns."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    assert start_any(str) == "embedded"
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "WARNING",
        f"No Docker daemon answers at unix://{tmp_path}/none ([Errno 2] No such file "
        "or directory); starting the embedded broker",
    )
