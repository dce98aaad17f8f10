"""The jars in the cache: who may write and read them, and caches that can't be used."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from spark_kafka_testkit._cache import make_folder
from spark_kafka_testkit._jvm.jars import LockedJar, fetch
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


def test_nobody_else_may_write_what_is_made_in_the_cache(
    mirror: Path, cache: Path
) -> None:
    """It is so whatever the umask. Others may read: images are built by root, and run
    by others.
    """
    before = os.umask(0)
    try:
        (path,) = fetch([JAR], "test jars")
    finally:
        os.umask(before)
    files = [file for file in cache.rglob("[!.]*") if file.is_file()]
    assert files == [path, path.with_name(f"{path.name}.stamp")]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o644}
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
    assert rest.endswith(". Set SPARK_KAFKA_TESTKIT_CACHE to a writable folder.\n")


def in_another_process() -> str:
    """What the jar holds that a new process gets."""
    return run_python(FETCH).stdout


def test_other_bytes_of_the_right_size_are_fetched_anew(
    mirror: Path, cache: Path
) -> None:
    """Whoever put them there, and whenever the file says that it was changed."""
    (path,) = fetch([JAR], "test jars")
    before = path.stat()
    anew = f"the cached jar {path} is not the locked one, fetching it again\n[b'jar']\n"
    path.write_bytes(b"jaw")
    assert in_another_process() == anew
    path.write_bytes(b"jaw")
    path.with_name(f"{path.name}.stamp").unlink()
    assert in_another_process() == anew
    path.write_bytes(b"jaw")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.parent.chmod(0o777)  # then the stamp proves nothing
    assert in_another_process() == anew


def test_a_jar_without_a_stamp_gets_one(mirror: Path, cache: Path) -> None:
    """As in a cache that was copied, or is of an earlier version of the kit."""
    (path,) = fetch([JAR], "test jars")
    stamp = path.with_name(f"{path.name}.stamp")
    written = stamp.read_text()
    stamp.unlink()
    (mirror / JAR.path).unlink()
    assert in_another_process() == "[b'jar']\n"
    assert stamp.read_text() == written


def test_a_cached_jar_that_can_not_be_read_is_told(mirror: Path, cache: Path) -> None:
    """It is another's, made without rights for others."""
    (path,) = fetch([JAR], "test jars")
    path.chmod(0)
    done = run_python(FETCH, None, *without_root_rights())
    assert done.stdout == (
        f"The cached jar {path} can't be read: [Errno 13] Permission denied: '{path}'. "
        "Make the cache readable for this user, or set SPARK_KAFKA_TESTKIT_CACHE to a "
        "writable folder.\n"
    )


def test_a_cache_without_room_is_reported(mirror: Path, cache: Path) -> None:
    """The error says what is needed, and nothing is left of what did not fit."""
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
        "there, in writable folders. Or set SPARK_KAFKA_TESTKIT_CACHE to another "
        "folder.",
        "[]",
    ]


def test_a_folder_where_a_jar_should_be_is_reported(cache: Path) -> None:
    """It is the user's to remove."""
    path = cache / "maven" / JAR.path
    path.mkdir(parents=True)
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == (
        f"{path} is a folder where a jar should be. Remove it."
    )


def test_a_cache_that_java_would_take_for_two_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its class path is a list with colons between."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "a:b"))
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == (
        f"The cache folder {tmp_path}/a:b/maven can't be used: Java reads a path with "
        "':' in it as several paths. Set SPARK_KAFKA_TESTKIT_CACHE to another folder."
    )


@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_jars_are_fetched_where_files_can_not_be_locked(
    mirror: Path, cache: Path, tmp_path: Path, error: str
) -> None:
    """Lustre and EFS have no locks; a jar is put in its place whole anyway."""
    done = run_python(FETCH, refusing("flock", error, tmp_path))
    assert done.stdout == "[b'jar']\n"


def test_a_cache_that_can_not_be_made_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the folder, the reason and the setting."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "file"))
    folder = tmp_path / "file" / "maven"
    with pytest.raises(JarError) as caught:
        fetch([JAR], "test jars")
    assert str(caught.value) == (
        f"The cache folder {folder} can't be made: [Errno 17] File exists: "
        f"'{folder.parent}'. Set SPARK_KAFKA_TESTKIT_CACHE to a writable folder."
    )
