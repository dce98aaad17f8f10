"""Fetching from servers that refuse, break off, or are none."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm import maven as _maven
from spark_kafka_testkit._jvm.jars import LockedJar, fetch
from spark_kafka_testkit.errors import JarError

JAR = LockedJar("org.test.sub:some-jar_2.13:1.0", "0" * 64, 1000)
PATH = "org/test/sub/some-jar_2.13/1.0/some-jar_2.13-1.0.jar"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100

Answer = Callable[[socket.socket], None]


class Server:
    """A real server on loopback that answers every request in one way."""

    def __init__(self, answer: Answer) -> None:
        self.requests = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(10_000)
                self.requests += 1
                self._answer(connection)

    def close(self) -> None:
        """Ends it; its port refuses from then on."""
        with suppress(OSError):  # a second call
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def says(text: bytes) -> Answer:
    """Sends this and closes."""
    return lambda connection: connection.sendall(text)


def resets(connection: socket.socket) -> None:
    """Sends the beginning and drops the connection."""
    connection.sendall(BEGUN)
    threading.Event().wait(0.1)  # until the client has read it
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def serve(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Answer], Server]]:
    """Makes servers and points the kit to them; it makes short pauses here."""
    servers: list[Server] = []

    def make(answer: Answer) -> Server:
        servers.append(Server(answer))
        monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", servers[-1].url)
        return servers[-1]

    monkeypatch.setattr(_maven, "PAUSES", (0.01, 0.02))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    yield make
    for server in servers:
        server.close()


def unreachable(url: str, reason: str, cache: Path) -> str:
    """The whole text for a jar that can't be had."""
    return (
        f"{url}/{PATH} can't be fetched: {reason}. "
        "Either set SPARK_KAFKA_TESTKIT_MAVEN_URL to a Maven repository that this "
        f"machine reaches, or copy the folder {cache} from a machine where the kit "
        "has run."
    )


def kept(cache: Path) -> list[Path]:
    """What is left of jars in the cache."""
    return [path for path in cache.rglob("*.jar*") if path.is_file()]


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (b"HTTP/1.1 404 Gone Fishing\r\n\r\n", "HTTP Error 404: Gone Fishing", 1),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP Error 403: Forbidden", 1),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "HTTP Error 503: Busy", 3),
        (b"", "Remote end closed connection without response", 3),
    ],
)
def test_a_refusal_is_reported_and_what_may_pass_is_tried_again(
    serve: Callable[[Answer], Server],
    tmp_path: Path,
    answer: bytes,
    reason: str,
    requests: int,
) -> None:
    """A server at fault is asked three times, and one that was asked wrongly once."""
    server = serve(says(answer))
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == unreachable(server.url, reason, tmp_path / "cache")
    assert server.requests == requests


def test_a_server_that_is_gone_is_reported(
    serve: Callable[[Answer], Server], tmp_path: Path
) -> None:
    """The error has both remedies."""
    server = serve(says(b""))
    server.close()
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    refused = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
    reason = f"<urlopen error {refused}>"
    assert str(caught.value) == unreachable(server.url, reason, tmp_path / "cache")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(BEGUN), id="closed"),
        pytest.param(
            resets,
            id="reset",
        ),
        pytest.param(
            says(b"220 smtp ready\r\n"),
            id="no HTTP",
        ),
    ],
)
def test_an_answer_that_breaks_off_is_a_jar_error(
    serve: Callable[[Answer], Server], answer: Answer
) -> None:
    """The connection may end in any way."""
    serve(answer)
    with pytest.raises(JarError):
        fetch([JAR], "test jars")


@pytest.mark.parametrize("answer", [says(BEGUN), resets], ids=["closed", "reset"])
def test_nothing_is_kept_of_an_answer_that_breaks_off(
    serve: Callable[[Answer], Server], tmp_path: Path, answer: Answer
) -> None:
    """No part of it is taken for a jar the next time."""
    serve(answer)
    with pytest.raises((JarError, OSError)):
        fetch([JAR], "test jars")
    assert (tmp_path / "cache" / "maven" / PATH).parent.is_dir()
    assert kept(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(
            "repo.example.invalid/maven2",
        ),
        pytest.param(
            "http://127.0.0.1:1/a b",
        ),
        "nonsense://repository",
    ],
)
def test_a_mirror_that_is_no_address_is_a_jar_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The setting is the user's, so is the mistake: it is told, not traced."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", url)
    with pytest.raises(JarError, match="SPARK_KAFKA_TESTKIT_MAVEN_URL"):
        fetch([JAR], "test jars")
