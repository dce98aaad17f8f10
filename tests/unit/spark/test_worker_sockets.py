"""Which sessions talk to their Python workers by Unix domain sockets."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.installed_spark import SparkVersion
from spark_kafka_testkit._spark import worker_sockets
from spark_kafka_testkit._spark.worker_sockets import socket_settings

ENABLED = "spark.python.unix.domain.socket.enabled"
FOLDER = "spark.python.unix.domain.socket.dir"
LOCAL = {"spark.master": "local[2]"}


@pytest.fixture(autouse=True)
def a_spark_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSPARK_UDS_MODE", raising=False)
    have_spark(monkeypatch, "4.1.0")


@pytest.fixture(autouse=True)
def no_folder_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of this process is made at its first use."""
    anew = cache(worker_sockets.socket_folder.__wrapped__)
    monkeypatch.setattr(worker_sockets, "socket_folder", anew)


def have_spark(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    found = SparkVersion(version, "2.13"), Path("jars")
    monkeypatch.setattr(worker_sockets, "spark_and_jars", lambda: found)


def test_all_local_sessions_of_a_process_share_one_folder() -> None:
    settings = socket_settings(LOCAL)
    assert settings == {ENABLED: "true", FOLDER: settings[FOLDER]}
    assert Path(settings[FOLDER]).stat().st_mode & 0o777 == 0o700
    assert socket_settings(LOCAL) == settings


@pytest.mark.parametrize(
    "conf",
    [
        {**LOCAL, ENABLED: "false"},
        {**LOCAL, ENABLED: "true"},
        {"spark.master": "local-cluster[1,1,1024]"},
        {"spark.master": "spark://x"},
        {"spark.remote": "sc://x"},
    ],
)
def test_the_users_own_and_other_machines_are_left_alone(conf: dict[str, str]) -> None:
    assert socket_settings(conf) == {}


def test_a_choice_by_the_variable_is_the_users_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYSPARK_UDS_MODE", "false")
    assert socket_settings(LOCAL) == {}


def test_a_folder_of_the_users_is_kept() -> None:
    conf = {**LOCAL, FOLDER: "/run/mine"}
    assert socket_settings(conf) == {ENABLED: "true", FOLDER: "/run/mine"}


@pytest.mark.parametrize("version", ["3.5.7", "4.0.1", "3.5.4-amzn-0"])
def test_older_sparks_have_no_such_sockets(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    have_spark(monkeypatch, version)
    assert socket_settings(LOCAL) == {}


def test_a_long_temporary_folder_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Spark refuses a long path, and macOS has one for each user."""
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert str(long) not in socket_settings(LOCAL)[FOLDER]
    assert not [*long.iterdir()]
