"""What people see while something large is fetched, usually in the first run."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.jars import LockedJar
from tests.plugin.conftest import PLUGIN, ROOT, text_of

pytest_plugins = ["pytester"]

CONTENT = bytes(6_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
JAR = LockedJar("org.test:jar:1.0", SHA256, len(CONTENT))
FETCH = f"""
from spark_kafka_testkit._jvm.jars import LockedJar, fetch

def get():
    fetch([LockedJar("org.test:jar:1.0", {SHA256!r}, {len(CONTENT)})], "test jars")
"""
TESTS = """
import threading
import pytest
from get import get

@pytest.fixture(scope="session")
def fetched():
    print("captured")
    get()

def test_before(): pass
def test_first(fetched): pass
"""
LINES = ["Fetching test jars: 6 MB, this once", "Fetched test jars in * s"]
IN_PYTEST = [f"kafka: {line}" for line in LINES]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(autouse=True)
def repository(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A Maven repository on loopback, an empty cache, and a module that fetches."""
    jar = tmp_path / "repository" / JAR.path
    jar.parent.mkdir(parents=True)
    jar.write_bytes(CONTENT)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "repository"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", url)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    pytester.makepyfile(get=FETCH)
    pytester.syspathinsert()
    yield
    server.shutdown()
    server.server_close()


def on_a_terminal(*command: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 10_000)
        except OSError:  # on Linux: the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert done.wait(60) == 0, written
    return written.decode()


def test_a_run_of_pytest_prints_a_line_before_and_after_a_fetch(
    pytester: pytest.Pytester,
) -> None:
    """Each line appears once, although the output of the test is captured."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(IN_PYTEST)
    result.stdout.no_fnmatch_line("*captured*")
    again = pytester.runpytest_subprocess(*PLUGIN)
    again.stdout.no_fnmatch_line("*test jars*")


def test_a_quiet_run_of_pytest_prints_nothing_of_a_fetch(
    pytester: pytest.Pytester,
) -> None:
    """The option is -q."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN, "-q")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*test jars*")
    assert result.stderr.str() == ""


def test_a_thread_of_a_test_leaves_its_capture_alone(
    pytester: pytest.Pytester,
) -> None:
    """The lines are captured with the test's own output.

    pytest captures for the whole process, so a thread can't print past it.
    """
    threaded = TESTS.replace(
        "    get()\n",
        "    thread = threading.Thread(target=get)\n    thread.start()\n"
        "    while thread.is_alive():\n        print('captured')\n",
    )
    pytester.makepyfile(threaded)
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*captured*")
    result.stdout.no_fnmatch_line("*test jars*")


def test_a_worker_of_xdist_shows_nothing(pytester: pytest.Pytester) -> None:
    """A worker has no terminal."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "xdist", "-n1")
    result.assert_outcomes(passed=2)
    assert "test jars" not in text_of(result)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_run_of_pytest_on_a_terminal_shows_a_bar(
    quiet: bool, pytester: pytest.Pytester
) -> None:
    """The bar is between the two lines. With -q, only the bar is shown.

    Nothing of the bar is left at the end.
    """
    pytester.makepyfile(TESTS)
    options = (*PLUGIN, "-q") if quiet else PLUGIN
    written = on_a_terminal(sys.executable, "-m", "pytest", *options)
    assert "2 passed" in written
    assert "6.0" in written, written
    assert re.search("\x1b\\[1A\x1b\\[2K", written)  # the bar's line is cleared
    assert "captured" not in written
    assert ("Fetching test jars: 6 MB, this once" in written) is not quiet
    assert ("Fetched test jars in " in written) is not quiet


def test_a_script_prints_a_line_before_and_after_a_fetch(
    pytester: pytest.Pytester,
) -> None:
    """A program without logging shows the lines on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", "from get import get; get()"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{pytester.path}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    pytest.LineMatcher(done.stderr.splitlines()).fnmatch_lines(LINES, consecutive=True)


def test_a_script_on_a_terminal_shows_a_bar(pytester: pytest.Pytester) -> None:
    """The bar is between the two lines."""
    code = (
        f"import sys; sys.path.insert(0, {str(pytester.path)!r}); import get; get.get()"
    )
    written = on_a_terminal(sys.executable, "-c", code)
    assert "6.0" in written
    assert "Fetched test jars in " in written


def test_a_fetch_that_fails_is_not_said_to_be_done(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line is followed by the error."""
    url = os.environ["SPARK_KAFKA_TESTKIT_MAVEN_URL"]
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", f"{url}/elsewhere")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([IN_PYTEST[0], "*can't be fetched: HTTP Error 404*"])
    result.stdout.no_fnmatch_line("*Fetched*")
