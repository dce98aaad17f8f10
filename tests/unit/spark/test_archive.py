"""Which sessions start from a class archive, and from which."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._cache import cache_folder
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from spark_kafka_testkit._spark import archive, conf
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV, CONF_FOLDERS
from spark_kafka_testkit._spark.conf import DRIVER_OPTIONS, archive_of, plan

FLAG = "-XX:SharedArchiveFile="


@pytest.fixture(autouse=True)
def cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without archives. The run's own JVM and environment are of no concern."""
    spark = installed_spark()
    fetch(connector_jars(spark.spark, spark.scala) or [], "a connector")
    monkeypatch.setenv(ARCHIVE_ENV, "use")
    monkeypatch.setattr(conf, "finds_class", lambda _: None)
    for name in ("PYSPARK_SUBMIT_ARGS", "SPARK_DIST_CLASSPATH", *CONF_FOLDERS):
        monkeypatch.delenv(name, raising=False)
    return own_cache


def settings_with(options: str = "") -> dict[str, str]:
    return {"spark.master": "local[2]", DRIVER_OPTIONS: options}


def record(options: str = "") -> Path:
    """As the recorder does, but for what the JVM writes."""
    settings, _ = plan(settings_with(options))
    file = archive_of(settings, records=True).file
    assert file is not None
    Path(file.flags[0].partition("=")[2]).write_bytes(b"classes")
    assert file.end(is_whole=True)
    (made,) = (cache_folder() / "archives").glob("spark-*.jsa")
    return made


def archive_in(settings: dict[str, str]) -> str | None:
    """The archive that a session with these settings starts from."""
    told = KafkaUtils.spark_conf(settings)[DRIVER_OPTIONS].split()
    files = [option.removeprefix(FLAG) for option in told if option.startswith(FLAG)]
    return files[0] if files else None


def test_what_was_recorded_is_started_from() -> None:
    """Other properties, and what the JVM logs, make no other archive."""
    assert archive_in(settings_with()) is None
    made = str(record())
    assert archive_in(settings_with()) == made
    assert archive_in(settings_with("-Dmine=1 -Xlog:gc")) == made
    assert archive_in({"spark.master": "local", "spark.app.name": "mine"}) == made
    twice = KafkaUtils.spark_conf(KafkaUtils.spark_conf(settings_with()))
    assert twice == KafkaUtils.spark_conf(settings_with())


@pytest.mark.parametrize(
    "options",
    [
        "-XX:+UseParallelGC",
        "-XX:TieredStopAtLevel=4",
        "-javaagent:/a.jar",
        "-Xshare:off",
    ],
)
def test_it_is_for_one_set_of_options(options: str) -> None:
    """An agent changes classes, and the user may want none."""
    record()
    assert archive_in(settings_with(options)) is None


def test_the_users_own_archive_wins() -> None:
    """Java takes one."""
    record()
    assert archive_in(settings_with(f"{FLAG}/mine.jsa")) == "/mine.jsa"


def test_it_is_for_one_class_path() -> None:
    """A session with a jar more has another."""
    made = record()
    with_jar = {**settings_with(), "spark.driver.extraClassPath": str(made)}
    assert archive_in(with_jar) is None


def test_a_session_whose_class_path_is_not_ours_has_none() -> None:
    """A cluster's, and one whose jars come by `spark.jars`."""
    record()
    for mine in (
        {"spark.master": "yarn"},
        {"spark.master": "local", "spark.jars": "/kafka-clients.jar"},
    ):
        assert archive_in(mine) is None


@pytest.mark.parametrize("variable", CONF_FOLDERS)
def test_there_is_none_beside_a_folder(
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Spark puts these folders on the class path; an empty one does no harm."""
    made = str(record())
    monkeypatch.setenv(variable, str(tmp_path / "conf"))
    (tmp_path / "conf").mkdir()
    assert archive_in(settings_with()) == made
    (tmp_path / "conf/log4j2.properties").touch()
    with caplog.at_level(logging.INFO, "spark_kafka_testkit"):
        assert archive_in(settings_with()) is None
    assert caplog.messages == [
        f"Spark's JVM starts without a class archive: the folder {tmp_path}/conf is on "
        "its class path, where only jars are allowed"
    ]


def test_a_java_below_17_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark 3.5 runs on it, and the kit has no broker there."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").touch(mode=0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="11.0.20"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    _, archive = plan(settings_with())
    assert archive is not None
    assert archive.obstacle == f"{tmp_path}/bin/java is Java 11.0.20."
    assert not archive.is_lacking


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a word that means nothing is refused."""
    record()
    monkeypatch.setenv(ARCHIVE_ENV, "off")
    assert archive_in(settings_with()) is None
    monkeypatch.setenv(ARCHIVE_ENV, "no")
    text = "SPARK_KAFKA_TESTKIT_SPARK_ARCHIVE must be record, use or off, got 'no'"
    with pytest.raises(ValueError, match=f"^{text}$"):
        KafkaUtils.spark_conf(settings_with())


def test_what_java_refuses_is_not_tried_again(cache: Path) -> None:
    """For a month: as long as an archive is kept that nobody uses."""
    settings, archive = plan(settings_with())
    assert archive is not None
    assert archive.is_lacking
    assert archive.file is not None
    archive.file.refuse()
    assert not archive_of(settings).is_lacking
    (refusal,) = (cache / "archives").glob("*.refused")
    os.utime(refusal, (1, 1))
    assert archive_of(settings).is_lacking


def test_a_recording_that_is_not_finished_has_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It begins late, and takes only the time that others leave."""
    ends_with_stdin = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    recorder = subprocess.Popen(ends_with_stdin, stdin=subprocess.PIPE)
    monkeypatch.setattr(archive, "start_recorder", lambda *_: recorder)
    monkeypatch.setattr(archive, "_recorder", None)
    monkeypatch.setattr(archive, "_started", 0.0)
    monkeypatch.setattr(archive, "DELAY_SECONDS", 7200.0)
    monkeypatch.setenv(ARCHIVE_ENV, "record")
    assert archive.unfinished() == ""
    archive.record_beside({})
    assert archive.unfinished() == (
        "a run records it from 7200 s after Spark's start on, and this one had ended by "
        "then"
    )
    monkeypatch.setattr(archive, "DELAY_SECONDS", 0.0)
    assert archive.unfinished() == (
        "a run records it in the background, with the CPU time that its tests leave, "
        "and this one left too little"
    )
    recorder.communicate()
    assert archive.unfinished() == ""
