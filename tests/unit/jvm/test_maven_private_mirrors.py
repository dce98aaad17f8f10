"""A mirror that asks for a user and a password: they reach it, and nobody else."""

from __future__ import annotations

import base64
import hashlib
import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.jars import LockedJar, fetch
from spark_kafka_testkit.errors import JarError

CONTENT = b"a jar"
JAR = LockedJar("org.test:jar:1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
VARIABLE = "SPARK_KAFKA_TESTKIT_MAVEN_URL"
USER, PASSWORD = "me@work", "s3cret/:?#%é"
QUOTED = "me%40work:s3cret%2F%3A%3F%23%25%C3%A9"
SECRETS = ("s3cret", "me@work", "me%40work", base64.b64encode(b"me@work:s3c").decode())


def header(user: str, password: str) -> str:
    """The header of that login."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


LOGIN = header(USER, PASSWORD)


class Mirror:
    """A real server on loopback. It serves the jar to whoever has the login, or to
    everybody; paths below `/moved` are answered by a redirect.
    """

    def __init__(self, login: str | None, moved_to: str = "/maven") -> None:
        self.logins: list[str | None] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                mirror.logins.append(given)
                if login is not None and given != login:
                    self.send_error(401)
                elif self.path.startswith("/moved/"):
                    self.send_response(302)
                    self.send_header("Location", f"{moved_to}/{JAR.path}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(CONTENT)))
                    self.end_headers()
                    self.wfile.write(CONTENT)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


Start = Callable[..., Mirror]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts mirrors; nobody's own netrc or proxy is looked at."""
    mirrors: list[Mirror] = []

    def make(login: str | None = LOGIN, moved_to: str = "/maven") -> Mirror:
        mirrors.append(Mirror(login, moved_to))
        return mirrors[-1]

    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield make
    for mirror in mirrors:
        mirror.server.shutdown()
        mirror.server.server_close()


def refusal() -> JarError:
    """The error of a fetch that fails; nothing of the login is in it."""
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    error = caught.value
    for text in (str(error), repr(error), str(error.__cause__)):
        assert not [secret for secret in SECRETS if secret in text], text
    return error


def test_the_login_in_the_address_is_sent(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Percent-encoded characters are what they stand for."""
    mirror = start()
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{mirror.host}/maven/")
    (path,) = fetch([JAR], "test jars")
    assert path.read_bytes() == CONTENT
    assert mirror.logins == [LOGIN]


@pytest.mark.parametrize("by", ["NETRC", "HOME"])
def test_the_login_of_netrc_is_sent_to_its_host_only(
    by: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of another host is not, nor what stands there as the default."""
    file = tmp_path / ".netrc"
    if by == "NETRC":
        monkeypatch.setenv("NETRC", str(file))
    else:
        monkeypatch.delenv("NETRC")
        monkeypatch.setenv("HOME", str(tmp_path))
    file.write_text("machine repo.example.org login me password s3cret\n")
    with file.open("a") as more:
        more.write("default login me password s3cret\n")
    mirror = start(header("him", "s3cret"))
    monkeypatch.setenv(VARIABLE, f"http://{mirror.host}/maven")
    assert "HTTP Error 401" in str(refusal())
    file.write_text("machine 127.0.0.1 login him password s3cret\n")
    file.chmod(0o600)
    fetch([JAR], "test jars")
    assert mirror.logins == [None, header("him", "s3cret")]


def test_the_login_in_the_address_is_over_that_of_netrc(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is the nearer place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login him password other\n")
    mirror = start()
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{mirror.host}/maven")
    fetch([JAR], "test jars")
    assert mirror.logins == [LOGIN]


def test_a_netrc_that_can_not_be_read_is_reported_without_its_text(
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """File and line are named, and the jar is asked for without a login."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me\ns3cret\n")
    mirror = start(login=None)
    monkeypatch.setenv(VARIABLE, f"http://{mirror.host}/maven")
    with caplog.at_level(logging.INFO, "spark_kafka_testkit"):
        fetch([JAR], "test jars")
    assert mirror.logins == [None]
    warned = [record.message for record in caplog.records if record.levelno > 20]
    (text,) = warned
    assert text.startswith(f"{tmp_path / 'netrc'} is not used: it can't be read, line ")
    assert "s3cret" not in caplog.text


def test_a_redirect_within_the_server_keeps_the_login(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repository managers answer old addresses so."""
    mirror = start()
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{mirror.host}/moved")
    fetch([JAR], "test jars")
    assert mirror.logins == [LOGIN, LOGIN]


def test_a_redirect_to_another_server_does_not_see_the_login(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store behind the mirror gets the request, and no login."""
    store = start(login=None)
    mirror = start(moved_to=f"http://{store.host}/maven")
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{mirror.host}/moved")
    fetch([JAR], "test jars")
    assert (mirror.logins, store.logins) == ([LOGIN], [None])


def test_a_login_that_is_refused_is_named_by_its_place(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says where it came from, or where one may stand, and not what it is."""

    def text(reason: str) -> str:
        return (
            f"http://{mirror.host}/maven/{JAR.path} can't be fetched: HTTP Error 401: "
            f"Unauthorized {reason}. Either set {VARIABLE} to a Maven repository that "
            f"this machine reaches, or copy the folder {tmp_path / 'cache'} from a "
            "machine where the kit has run."
        )

    mirror = start(header("another", "one"))
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{mirror.host}/maven")
    assert str(refusal()) == text(f"(with the user and password of {VARIABLE})")
    monkeypatch.setenv(VARIABLE, f"http://{mirror.host}/maven")
    assert str(refusal()) == text(
        "(no user and password were sent. They can be in the address, "
        "https://user:password@host/path, or in ~/.netrc)"
    )
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me@work password s3cret\n")
    netrc = tmp_path / "netrc"
    assert str(refusal()) == text(f"(with the user and password of {netrc})")
    assert len(mirror.logins) == 3


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me@work:s3cret/x@127.0.0.1:9/maven", "http://***@127.0.0.1:9/maven"),
        ("http://me:s3cret#x@127.0.0.1:9/maven", "http://***@127.0.0.1:9/maven"),
        ("http://me:s3cret@127.0.0.1:x/maven", "http://***@127.0.0.1:x/maven"),
        ("me:s3cret@127.0.0.1:9/maven", "***@127.0.0.1:9/maven"),
        ("http://me:s3cret@", "http://***@"),
        ("ftp://me:s3cret@127.0.0.1:9/maven", "ftp://***@127.0.0.1:9/maven"),
    ],
)
def test_an_address_that_is_none_is_reported_without_the_login(
    address: str, shown: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be told apart is not shown, and the way to write it is."""
    monkeypatch.setenv(VARIABLE, address)
    assert str(refusal()) == (
        f"{VARIABLE} is {shown}, which is not the address of a Maven repository. "
        "Expected https://user:password@host/path. In user, password and path write @ "
        ": / ? # % as %40 %3A %2F %3F %23 %25."
    )


@pytest.mark.parametrize("where", ["127.0.0.1:9/maven", "127.0.0.1:x/maven"])
def test_a_traceback_with_all_variables_does_not_show_the_login(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest prints it with `--showlocals`, and the test's own variables hold none."""
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@{where}")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    code = """
        from spark_kafka_testkit._jvm import jars as _jars

        def test_fetch():
            _jars.fetch([_jars.LockedJar("org.test:jar:1.0", "0", 1)], "test jars")
    """
    (tmp_path / "test_fetch.py").write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--showlocals", "--tb=long", "test_fetch.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert "JarError" in printed
    assert not [secret for secret in SECRETS if secret in printed], printed


@pytest.mark.parametrize(
    "proxy", ["http:/me:s3cret@127.0.0.1:9", "http://me@work@127.0.0.1:s3cret"]
)
def test_the_login_of_a_proxy_is_not_shown(
    proxy: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own error has it, or what it takes for a port."""
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv(VARIABLE, "http://repo.example.org/maven")
    assert "its address, or that of the proxy, is not valid" in str(refusal())


def test_a_proxy_gets_its_login_and_the_mirror_its_own(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own handling of `http_proxy` is at work."""
    proxy = start()
    monkeypatch.setenv("http_proxy", f"http://proxy:user@{proxy.host}")
    monkeypatch.setenv(VARIABLE, f"http://{QUOTED}@repo.example.org/maven")
    fetch([JAR], "test jars")
    assert proxy.logins == [LOGIN]
