"""Inner runs of pytest for the tests, with this plugin and no others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._cache import cache_folder
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV
from tests.processes import HANG_SECONDS, PATIENT

ROOT = Path(__file__).parents[2]
PLUGIN = ("-p", "spark_kafka_testkit", "-p", "no:cacheprovider")

CACHE = cache_folder()  # looked up now: pytester moves the home folder
OTHERS = ("CI", "GITHUB_STEP_SUMMARY", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
KEPT = ("SPARK_KAFKA_TESTKIT_JARS", "SPARK_KAFKA_TESTKIT_MAVEN_URL", ARCHIVE_ENV)

Inner = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this run's settings from inner runs, and that it runs in CI."""
    for name in list(os.environ):
        ours = name.startswith("SPARK_KAFKA_TESTKIT_") and name not in KEPT
        if ours or name in OTHERS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(CACHE))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python"))
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def inner(pytester: pytest.Pytester, kafka: KafkaUtils) -> Inner:
    """A function that runs pytest in its own process, with the broker of this run."""

    def run(*arguments: str, **files: str) -> pytest.RunResult:
        pytester.makepyfile(**files)
        address = f"--kafka-bootstrap-servers={kafka.broker}"
        return pytester.runpytest_subprocess(
            *PLUGIN, address, *arguments, timeout=HANG_SECONDS
        )

    return run


class Seen:
    """What the tests of an inner run have noted about themselves.

    They write lines to the file that the variable SEEN names.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def lines(self) -> list[list[str]]:
        """The words of each line."""
        return [line.split() for line in self._file.read_text().splitlines()]


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The notes of one inner run."""
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return Seen(tmp_path / "seen")


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the embedded broker from starting."""
    monkeypatch.setenv("JAVA_HOME", "/nowhere")


def text_of(result: Any) -> str:
    """Everything that the run has printed, to stdout and stderr."""
    return result.stdout.str() + result.stderr.str()
