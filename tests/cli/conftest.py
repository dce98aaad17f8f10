"""The commands are run as a user runs them: each in a process of its own, against a
real broker, with a cache folder that no other test uses.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spark_kafka_testkit._cache import cache_folder
from spark_kafka_testkit.cli import NAME, cli
from tests.processes import HANG_SECONDS

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "spark_kafka_testkit"]
UNSET = (
    "SPARK_KAFKA_TESTKIT_BACKEND",
    "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS",
    "SPARK_KAFKA_TESTKIT_REUSE",
)


def without_progress(said: bytes) -> bytes:
    """Without how far a send or a read is, which a command says every five seconds."""
    return re.sub(rb"^(?:sending|reading): .*\n", b"", said, flags=re.M)


class CommandLine:
    """Runs commands with one cache folder.

    Attributes:
        env: their environment.
        kept: where the state of kept brokers lies.
    """

    def __init__(self, folder: Path) -> None:
        cache = folder / "cache"
        cache.mkdir()
        for name in ("maven", "archives"):
            (cache_folder() / name).mkdir(parents=True, exist_ok=True)
            (cache / name).symlink_to(cache_folder() / name)
        temp = folder / "temp"
        temp.mkdir()
        self.temp, self.kept = temp, cache / "kept"
        inherited = {k: v for k, v in os.environ.items() if k not in UNSET}
        self.env = {
            **inherited,
            "SPARK_KAFKA_TESTKIT_CACHE": str(cache),
            "TMPDIR": str(temp),
        }

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*COMMAND, *args],
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self, *args: str, stdin: bytes = b"", **env: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*args, **env)
        out, err = process.communicate(stdin, timeout=HANG_SECONDS)
        said = without_progress(err).decode()
        return subprocess.CompletedProcess(args, process.returncode, out.decode(), said)

    def ok(self, *args: str, stdin: bytes = b"", **env: str) -> str:
        """What a command prints that succeeds, and says nothing on stderr but how far
        it is.
        """
        done = self.run(*args, stdin=stdin, **env)
        said = [line for line in done.stderr.splitlines() if " in " not in line]
        assert (done.returncode, said) == (0, [])
        return done.stdout

    def facts(self, *args: str, stdin: bytes = b"", **env: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self.ok(*args, "--json", stdin=stdin, **env))

    def records(self, *args: str) -> list[dict[str, Any]]:
        """What `read` prints."""
        return [json.loads(line) for line in self.ok("read", *args).splitlines()]

    def peak(self, code: str, *args: str) -> int:
        """The most memory, in KiB, that Python code takes, which prints it last."""
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stderr.splitlines()[-1])

    def python(
        self, code: str, folder: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        """A test run of a user's."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    """Commands that no broker is up for yet; what is up at the end is ended."""
    line = CommandLine(tmp_path)
    yield line
    line.run("down")


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Commands with a broker that is up, for tests with topics of their own."""
    line = CommandLine(tmp_path_factory.mktemp("cli"))
    line.ok("up", "--backend", "embedded")
    yield line
    line.run("down")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command in this process; no broker is up, and none is asked for."""
    for name in ("BOOTSTRAP_SERVERS", "BACKEND", "REUSE"):
        monkeypatch.delenv(f"SPARK_KAFKA_TESTKIT_{name}", raising=False)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path))

    def run(*args: str, stdin: bytes = b"") -> tuple[int, list[str]]:
        done = CliRunner().invoke(cli, args, input=stdin, prog_name=NAME)
        return done.exit_code, done.output.splitlines()

    return run
