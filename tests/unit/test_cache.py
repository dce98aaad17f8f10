"""The cache folder: where it is, and caches that can't be written, locked or read."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_kafka_testkit._cache import cache_folder, make_folder
from spark_kafka_testkit._jvm.class_archive import ClassArchive
from spark_kafka_testkit._jvm.jars import LockedJar, fetch, own_jar
from spark_kafka_testkit._jvm.java import Java
from spark_kafka_testkit.errors import JarError
from tests.systems import (
    read_only,
    refusing,
    run_python,
    small,
    without_root_rights,
)

JAR = LockedJar("org.test:jar:1.0", hashlib.sha256(b"jar").hexdigest(), 3)
FETCH = f"""
    from spark_kafka_testkit._jvm.jars import LockedJar, fetch
    from spark_kafka_testkit.errors import JarError
    try:
        print([path.read_bytes() for path in fetch([{JAR!r}], "test jars")])
    except JarError as error:
        print(error)
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven repository with the jar."""
    folder = tmp_path / "mirror"
    (folder / JAR.path).parent.mkdir(parents=True)
    (folder / JAR.path).write_bytes(b"jar")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", folder.as_uri())
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(folder))
    return folder


def test_a_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In all variables that name a folder; none of that name is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "~/tilde cache")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", "~/tilde jars")
    jar = tmp_path / "home" / "tilde jars" / "own.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert cache_folder() == tmp_path / "home" / "tilde cache"
    assert own_jar("own.jar") == jar


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later chdir does not move it; what we hand on to others is absolute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "relative/cache")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", "relative/jars")
    jar = tmp_path / "relative" / "jars" / "own.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert own_jar("own.jar") == jar
    assert cache_folder() == tmp_path / "relative" / "cache"
    monkeypatch.chdir("/")
    assert own_jar("own.jar") == jar
    assert cache_folder() == tmp_path / "relative" / "cache"


def test_a_tilde_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder named ~ is made."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(JarError) as caught:
        cache_folder()
    assert str(caught.value) == (
        "The folder ~nobody-of-this-name/x can't be found: its ~ stands for no known "
        "home folder. Set SPARK_KAFKA_TESTKIT_CACHE to an absolute path."
    )


def test_a_user_without_a_home_is_told(tmp_path: Path) -> None:
    """As in containers that run under a user id which nobody has."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HOME", "XDG"))}
    env.pop("SPARK_KAFKA_TESTKIT_CACHE", None)
    done = run_python(
        "import os, platformdirs\n"
        "from spark_kafka_testkit._cache import cache_folder\n"
        "platformdirs.user_cache_dir()  # loads what another user may not read here\n"
        "os.setuid(54321)\n"
        "try: cache_folder()\n"
        "except Exception as error: print(type(error).__name__, error)",
        env,
    )
    assert done.stdout == (
        "JarError The folder ~/.cache/spark-kafka-testkit can't be found: its ~ stands "
        "for no known home folder. Set SPARK_KAFKA_TESTKIT_CACHE to an absolute path.\n"
    )


def test_nobody_else_may_write_what_is_made(mirror: Path, cache: Path) -> None:
    """Whatever the umask; others may read: images are built by root, and run by others."""
    before = os.umask(0)
    try:
        (path,) = fetch([JAR], "test jars")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    folders = [folder for folder in cache.rglob("*") if folder.is_dir()]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o755}
    before = os.umask(0o077)
    try:
        make_folder(cache / "private" / "below")
    finally:
        os.umask(before)
    assert (cache / "private").stat().st_mode & 0o777 == 0o700


def test_a_read_only_cache_that_holds_all_is_used(mirror: Path, cache: Path) -> None:
    """No lock is needed to read."""
    (path,) = fetch([JAR], "test jars")
    (cache / "maven" / ".lock").unlink()
    assert run_python(FETCH, None, *read_only(cache)).stdout == "[b'jar']\n"
    path.unlink()
    done = run_python(FETCH, None, *read_only(cache))
    reason = f"[Errno {errno.EROFS}] {os.strerror(errno.EROFS)}"
    text, _, rest = done.stdout.partition(f"{reason}: ")
    assert (
        text == f"The cache folder {cache / 'maven'} lacks jars and can't be written: "
    )
    assert rest.endswith(". Set SPARK_KAFKA_TESTKIT_CACHE to a folder of yours.\n")


def test_a_cached_jar_that_can_not_be_read_is_told(mirror: Path, cache: Path) -> None:
    """It is another's, made without rights for others."""
    (path,) = fetch([JAR], "test jars")
    path.chmod(0)
    done = run_python(FETCH, None, *without_root_rights())
    assert done.stdout == (
        f"The cached jar {path} can't be read: [Errno 13] Permission denied: '{path}'. "
        "Make the cache readable for this user, or set SPARK_KAFKA_TESTKIT_CACHE to a "
        "folder of yours.\n"
    )


def test_a_cache_without_room_is_told(mirror: Path, cache: Path) -> None:
    """With what it needs; nothing is left of what did not fit."""
    jar = LockedJar(JAR.coordinate, "", 3_000_000)
    (mirror / jar.path).write_bytes(bytes(jar.size))
    code = FETCH.replace(repr(JAR), repr(jar)) + (
        f"    print([p.name for p in __import__('pathlib').Path({str(cache)!r})"
        ".rglob('*jar*') if p.is_file()])\n"
    )
    said = run_python(code, None, *small(cache, "1M")).stdout.splitlines()
    root = cache / "maven"
    reason = f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}"
    assert said == [
        f"The jars of test jars can't be kept in {root}: {reason}. 3 MB are needed "
        "there, in folders that can be written; or set SPARK_KAFKA_TESTKIT_CACHE to a "
        "folder of yours.",
        "[]",
    ]


def test_a_folder_where_a_jar_should_be_is_told(cache: Path) -> None:
    """It is the user's to remove."""
    path = cache / "maven" / JAR.path
    path.mkdir(parents=True)
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == (
        f"{path} is a folder where a jar should be. Remove it."
    )


def test_a_cache_that_java_would_take_for_two_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its class path is a list with colons between."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "a:b"))
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == (
        f"The cache folder {tmp_path}/a:b/maven can't be used: Java takes a path with "
        "':' in it for several. Set SPARK_KAFKA_TESTKIT_CACHE to another folder."
    )


@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_jars_are_fetched_where_files_can_not_be_locked(
    mirror: Path, cache: Path, tmp_path: Path, error: str
) -> None:
    """As on Lustre or EFS: a jar is put in its place whole, lock or no lock."""
    done = run_python(FETCH, refusing("flock", error, tmp_path))
    assert done.stdout == "[b'jar']\n"


def test_a_class_archive_is_done_without_where_it_can_not_be_kept(cache: Path) -> None:
    """It is a mere speed-up: processes start without it, and nothing is left; one that
    is there is used all the same.
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
    """By the next process, of whatever kind; what others record is left."""
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
