"""Archives of loaded classes: kept in the cache, and done without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from spark_kafka_testkit._jvm.java import ClassArchive, Java
from tests.systems import read_only, run_python


def test_processes_start_without_an_archive_that_can_not_be_kept(cache: Path) -> None:
    """It is a mere speed-up. Nothing is left of it, and one that is there is used all
    the same.
    """
    jar = cache / "some.jar"
    jar.touch()
    code = f"""
        from pathlib import Path
        from spark_kafka_testkit._jvm.java import ClassArchive, Java
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
    archive.end(is_ready=True)
    (made,) = (cache / "archives").iterdir()
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
    archive.end(is_ready=True)


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
