"""Archives of loaded classes: kept in the cache, and done without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.class_archive import ClassArchive
from spark_kafka_testkit._jvm.java import Java
from tests.systems import read_only, run_python


def test_processes_start_without_an_archive_that_can_not_be_kept(cache: Path) -> None:
    """It is a mere speed-up. Nothing is left of it, and one that is there is used all
    the same.
    """
    jar = cache / "some.jar"
    jar.touch()
    code = f"""
        from pathlib import Path
        from spark_kafka_testkit._jvm.class_archive import ClassArchive
        from spark_kafka_testkit._jvm.java import Java
        archive = ClassArchive("k", Java(Path("java"), "17"), [], [Path({str(jar)!r})])
        print(archive.flags)
        archive.end(True)
    """
    assert run_python(code, None, *read_only(cache)).stdout == "[]\n"
    assert list(cache.iterdir()) == [jar]
    (cache / "archives").mkdir()
    assert run_python(code, None, *read_only(cache)).stdout == "[]\n"
    archive = ClassArchive("k", Java(Path("java"), "17"), [], [jar])
    part = Path(archive.flags[0].partition("=")[2])
    part.touch()
    archive.end(is_whole=True)
    (made,) = (cache / "archives").glob("*.jsa")
    os.utime(jar, ns=(0, jar.stat().st_mtime_ns // 10**9 * 10**9))  # as in an image
    flags = ["-XX:SharedArchiveFile=" + str(made), "-Xshare:auto"]
    assert run_python(code, None, *read_only(cache)).stdout == f"{flags}\n"


def test_an_archive_that_can_not_be_put_in_its_place_is_no_error(cache: Path) -> None:
    """The cache has become another's meanwhile, or has gone."""
    jar = cache / "some.jar"
    jar.touch()
    archive = ClassArchive("k", Java(Path("java"), "17"), [], [jar])
    (cache / "archives").rmdir()
    (cache / "archives").touch()
    archive.end(is_whole=True)


def test_what_was_recorded_for_killed_processes_is_removed(cache: Path) -> None:
    """The next process removes it, of whatever kind; what others record is left."""
    (cache / "archives").mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [
        f".broker-0.jsa.{gone.pid}.0123abcd",
        f".helper-0.aot.{gone.pid}.0123abcd.config",
        f".broker-0.jsa.{os.getpid()}.0123abcd",
        "broker-0.jsa",
    ]
    for name in names:
        (cache / "archives" / name).touch()
    ClassArchive("k", Java(Path("java"), "17"), [], [])
    assert {file.name for file in (cache / "archives").iterdir()} == set(names[2:])


def record(java: str, size: int = 1, kind: str = "k") -> Path:
    """An archive that has been recorded, another one for each Java."""
    archive = ClassArchive(kind, Java(Path(java), "17"), [], [])
    part = Path(archive.flags[0].partition("=")[2])
    with part.open("wb") as file:
        file.truncate(size)
    before = set(part.parent.glob("*.jsa"))
    archive.end(is_whole=True)
    (made,) = set(part.parent.glob("*.jsa")) - before
    return made


def is_used(java: str) -> bool:
    (flag, *_) = ClassArchive("k", Java(Path(java), "17"), [], []).flags
    return flag.startswith("-XX:SharedArchiveFile=")


def test_an_archive_that_others_could_have_written_is_not_used(cache: Path) -> None:
    """It holds classes: who writes it says what a JVM runs."""
    made = record("k")
    assert is_used("k")
    made.chmod(0o666)
    assert not is_used("k")
    made.chmod(0o644)
    made.parent.chmod(0o777)
    assert not is_used("k")


def test_archives_that_nobody_uses_any_more_are_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of older Javas and jars: after a month, or when there are too many bytes of
    their kind.
    """
    other = record("other", 3, "spark")
    old, used, last = record("old"), record("used"), record("last")
    month_ago = time.time() - 31 * 86400
    for archive in (old, used):
        os.utime(archive, (month_ago, archive.stat().st_mtime))
    assert is_used("used")
    new = record("new")
    assert [file.exists() for file in (old, used, last, new)] == [False] + [True] * 3
    assert not old.with_name(f"{old.name}.stamp").exists()
    for archive, ago in ((used, 9), (other, 10)):
        os.utime(archive, (time.time() - ago, archive.stat().st_mtime))
    monkeypatch.setattr("spark_kafka_testkit._jvm.class_archive.MAX_BYTES", 10)
    newest = record("newest", 8)
    left = (other, last, new, newest)
    assert [file.exists() for file in (used, *left)] == [False] + [True] * 4
