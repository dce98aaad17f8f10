"""Which sessions are told to take the kit's file system."""

from __future__ import annotations

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._spark import local_files
from spark_kafka_testkit._spark.local_files import (
    FOR_CHECKPOINTS,
    FOR_FILES,
    OURS,
    file_settings,
)

CHECKPOINTS = OURS[FOR_CHECKPOINTS]


@pytest.fixture(autouse=True)
def no_jvm_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own JVM and environment are of no concern."""
    monkeypatch.setattr(local_files, "finds_class", lambda _: None)
    monkeypatch.setattr(local_files, "is_on_class_path", lambda _: False)
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)


def file_system(**conf: str) -> str | None:
    settings = {f"spark.{name}": value for name, value in conf.items()}
    return KafkaUtils.spark_conf(settings).get(FOR_CHECKPOINTS)


@pytest.mark.parametrize("conf", [{}, {"master": "local"}, {"master": "local[2]"}])
def test_a_local_session_takes_it(conf: dict[str, str]) -> None:
    """So does one whose master is not known yet: most are local."""
    assert file_system(**conf) == CHECKPOINTS


@pytest.mark.parametrize(
    "conf",
    [
        {"master": "yarn"},
        {"master": "local-cluster[2,1,1024]"},
        {"master": "spark://host:7077"},
        {"remote": "sc://host"},
    ],
)
def test_sessions_of_other_machines_keep_sparks_own(conf: dict[str, str]) -> None:
    """Their checkpoints lie elsewhere."""
    assert file_system(**conf) is None


def test_the_users_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the settings, or in those of the platform, where it stays in force."""
    assert KafkaUtils.spark_conf({FOR_CHECKPOINTS: "mine"})[FOR_CHECKPOINTS] == "mine"
    arguments = f"--conf {FOR_CHECKPOINTS}=a pyspark-shell"
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", arguments)
    assert file_system() is None


@pytest.mark.parametrize("option", ["--master yarn", "--jars /a.jar"])
def test_the_command_line_is_heeded(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """It names a master elsewhere; or jars, which hide those of the kit."""
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", f"{option} pyspark-shell")
    assert file_system() is None


def test_a_jvm_that_lacks_it_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was started without the helper, and outlives its session."""
    monkeypatch.setattr(local_files, "finds_class", lambda name: name != CHECKPOINTS)
    assert file_system() is None
    monkeypatch.setattr(local_files, "finds_class", lambda name: name == CHECKPOINTS)
    assert file_system() == CHECKPOINTS


def test_files_go_by_it_where_the_jvm_has_it_from_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """spark-submit asks for files by it before jars are added to a class path."""
    conf = {"spark.master": "local[2]"}
    assert file_settings(conf, {}, on_class_path=True) == OURS
    assert file_settings(conf, {}, on_class_path=False) == {
        FOR_CHECKPOINTS: CHECKPOINTS
    }
    monkeypatch.setattr(local_files, "is_on_class_path", lambda _: True)
    assert file_settings(conf, {}, on_class_path=False) == OURS
    mine = {**conf, FOR_FILES: "mine"}
    assert file_settings(mine, {}, on_class_path=True) == {FOR_CHECKPOINTS: CHECKPOINTS}
