"""Servers that are busy, or end an answer early, and are asked again."""

from __future__ import annotations

import email.utils
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm import maven as _maven
from spark_kafka_testkit._jvm.jars import LockedJar, fetch
from spark_kafka_testkit.errors import JarError

CONTENT = bytes(range(256)) * 400
JAR = LockedJar("org.test:jar:1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
VARIABLE = "SPARK_KAFKA_TESTKIT_MAVEN_URL"

Headers = dict[str, str]


class Answer:
    """One answer: a status, headers, and so much of the body as is sent."""

    def __init__(
        self, status: int = 200, sent: bytes = b"", **headers: str | None
    ) -> None:
        self.status, self.sent = status, sent
        given: dict[str, str | None] = {"Content_Length": str(len(sent)), **headers}
        self.headers = {
            name.replace("_", "-"): value
            for name, value in given.items()
            if value is not None
        }


WHOLE = Answer(sent=CONTENT)
SHORT = Answer(sent=CONTENT[:1000], Content_Length=str(len(CONTENT)))
WITHOUT_LENGTH = Answer(sent=CONTENT[:1000], Content_Length=None)
CHUNKED = Answer(
    sent=b"3e8\r\n" + CONTENT[:1000] + b"\r\n",
    Content_Length=None,
    Transfer_Encoding="chunked",
)


class Server:
    """A real server on loopback: the answers one after another, the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.times: list[float] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.times.append(time.monotonic())
                answer = answers[min(len(server.times), len(answers)) - 1]
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer.sent)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def pauses(self) -> list[float]:
        """The seconds between the requests."""
        return [
            after - before
            for before, after in zip(self.times, self.times[1:], strict=False)
        ]


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a server and points the kit to it; pauses of its own are short here."""
    servers: list[Server] = []

    def make(*answers: Answer) -> Server:
        servers.append(Server(*answers))
        monkeypatch.setenv(VARIABLE, servers[-1].url)
        return servers[-1]

    monkeypatch.setattr(_maven, "PAUSES", (0.01, 0.02))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    yield make
    for server in servers:
        server.server.shutdown()
        server.server.server_close()


def reason(server: Server, tmp_path: Path) -> str:
    """What the error of a fetch that fails gives as its reason."""
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    begin = f"{server.url}/{JAR.path} can't be fetched: "
    end = (
        f". Either set {VARIABLE} to a Maven repository that this machine reaches, or "
        f"copy the folder {tmp_path / 'cache'} from a machine where the kit has run."
    )
    text = str(caught.value)
    assert text.startswith(begin), text
    assert text.endswith(end), text
    return text.removeprefix(begin).removesuffix(end)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(Answer(429), id="429"),
        pytest.param(Answer(503, Retry_After="soon"), id="503"),
        pytest.param(SHORT, id="short"),
        pytest.param(WITHOUT_LENGTH, id="short without a length"),
        pytest.param(CHUNKED, id="short in pieces"),
    ],
)
def test_a_failure_that_passes_is_waited_for(first: Answer, start: Start) -> None:
    """A busy server, or an answer that ended early, is asked again, and the jar is
    whole.
    """
    server = start(first, first, WHOLE)
    (path,) = fetch([JAR], "test jars")
    assert path.read_bytes() == CONTENT
    assert len(server.times) == 3


def test_the_server_says_when_to_ask_again(start: Start) -> None:
    """It says so in seconds, or as a date; a date that is past is now."""
    past = email.utils.formatdate(time.time() - 1000, usegmt=True)
    server = start(Answer(429, Retry_After="1"), Answer(503, Retry_After=past), WHOLE)
    fetch([JAR], "test jars")
    first, _ = server.pauses
    assert first >= 1
    date = email.utils.formatdate(time.time() + 3, usegmt=True)
    server = start(Answer(503, Retry_After=date), WHOLE)
    before = time.time()
    fetch([LockedJar("org.test:other:1.0", JAR.sha256, JAR.size)], "test jars")
    assert len(server.pauses) == 1
    # to the second, and the date is counted from before the server was there
    assert time.time() - before >= 1


def test_a_pause_that_is_too_long_is_not_waited_for(
    start: Start, tmp_path: Path
) -> None:
    """The server asks for an hour, and the text says so."""
    server = start(Answer(429, Retry_After="3600"))
    assert reason(server, tmp_path) == (
        "HTTP Error 429: Too Many Requests (the server asks to wait 3600 s)"
    )
    assert len(server.times) == 1


@pytest.mark.parametrize(
    ("answer", "text", "requests"),
    [
        (Answer(429), "HTTP Error 429: Too Many Requests", 3),
        (Answer(502), "HTTP Error 502: Bad Gateway", 3),
        (Answer(404), "HTTP Error 404: Not Found", 1),
        (SHORT, "it ended after 1000 of 102400 bytes", 3),
        (WITHOUT_LENGTH, "it ended after 1000 of 102400 bytes", 3),
        (CHUNKED, "it ended after 1000 of 102400 bytes", 3),
    ],
)
def test_a_failure_that_does_not_pass_is_reported_as_it_is(
    answer: Answer, text: str, requests: int, start: Start, tmp_path: Path
) -> None:
    """A part of a jar is called that, and not a wrong jar."""
    server = start(answer)
    assert reason(server, tmp_path) == text
    assert len(server.times) == requests
    assert [path for path in tmp_path.rglob("*.jar*") if path.is_file()] == []


@pytest.mark.parametrize("sent", [b"<html>log in</html>", CONTENT[::-1]])
def test_a_whole_answer_that_is_another_file_is_a_wrong_jar(
    sent: bytes, start: Start
) -> None:
    """It may have any size, and is not asked for again."""
    server = start(Answer(sent=sent))
    with pytest.raises(JarError, match="is not the jar that the lock file names: its"):
        fetch([JAR], "test jars")
    assert len(server.times) == 1


def test_the_progress_bar_goes_back_with_what_is_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end it is full, not more."""
    told: list[int] = []

    class Bar:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Callable[[int], None]:
            return told.append

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr("spark_kafka_testkit._jvm.jars.fetching", Bar)
    start(SHORT, WHOLE)
    fetch([JAR], "test jars")
    assert -1000 in told
    assert sum(told) == len(CONTENT)


def test_a_jar_that_fails_ends_the_waits_for_the_others(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes at once, though a server asks to wait for another jar."""
    server = start(Answer(503, Retry_After="50"), Answer(404))
    other = LockedJar("org.test:other:1.0", "0", 1)
    begun = time.monotonic()
    with pytest.raises(JarError, match="HTTP Error 404: Not Found"):
        fetch([JAR, other], "test jars")
    assert time.monotonic() - begun < 40
    assert len(server.times) == 2
