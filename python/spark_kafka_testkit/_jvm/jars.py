"""Jars: the kit's own, and those of others.

The package contains the kit's own jars. The others are fetched once, verified, and kept
in the user's cache. `jars/lock.json` lists each of them with its sha256 and size, and
`sbt lockJars` writes that file.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._cache import (
    CACHE_ENV,
    JARS_ENV,
    absolute,
    cache_folder,
    lock_problem,
    make_folder,
)
from spark_kafka_testkit._jvm.maven import FetchError, Repository, StorageError
from spark_kafka_testkit._progress import fetching
from spark_kafka_testkit._stamp import is_as_stamped, sha256_of, stamp
from spark_kafka_testkit._versions import minor_version, patch_number
from spark_kafka_testkit.errors import JarError

if TYPE_CHECKING:
    from spark_kafka_testkit._jvm.maven import Repository

__all__ = [
    "MAVEN_CENTRAL",
    "MAVEN_ENV",
    "LockedJar",
    "are_fetched",
    "broker_jars",
    "broker_version",
    "connector_jars",
    "connector_scala",
    "connector_versions",
    "fetch",
    "kafka_clients",
    "nearest_connector",
    "own_jar",
    "scala_versions",
]

log = logging.getLogger("spark_kafka_testkit")

MAVEN_ENV = "SPARK_KAFKA_TESTKIT_MAVEN_URL"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
BUNDLED = Path(__file__).parents[1] / "jars"
PARALLEL_DOWNLOADS = 8


@dataclass(frozen=True)
class LockedJar:
    """A jar in a Maven repository, with the size and digest it must have."""

    coordinate: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Its path in a Maven repository, and in the kit's cache."""
        group, artifact, version = self.coordinate.split(":")
        return (
            f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"
        )


def own_jar(name: str) -> Path:
    """The path of one of the kit's own jars.

    The folder that SPARK_KAFKA_TESTKIT_JARS names comes first, then the package.

    Raises:
        JarError: it is in neither. The text names every place tried.
    """
    asked = os.environ.get(JARS_ENV)
    folders = [absolute(asked, JARS_ENV), BUNDLED] if asked else [BUNDLED]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    tried = "\n".join(f"  {folder / name}" for folder in folders)
    raise JarError(
        f"The jar {name} was not found.",
        "Tried:\n"
        f"{tried}\n"
        f"In a checkout, build it with ./ci/setup, or set {JARS_ENV} to a folder that "
        "contains it.",
    )


@cache
def _lock() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((BUNDLED / "lock.json").read_text())
    return data


def broker_version() -> str:
    """The Kafka version of the embedded broker."""
    return str(_lock()["broker"]["kafka"])


def broker_jars() -> list[LockedJar]:
    """The jars of the embedded broker."""
    return [LockedJar(**entry) for entry in _lock()["broker"]["jars"]]


def connector_versions() -> list[str]:
    """The Spark versions whose Kafka connector is locked."""
    return list(_lock()["connectors"])


def nearest_connector(spark_version: str, scala: str | None = None) -> str | None:
    """The Spark version whose locked connector fits this Spark, or None.

    It is the nearest one of the same minor version. None means that the lock has none,
    or none for this Scala.
    """
    minor, patch = minor_version(spark_version), patch_number(spark_version)
    fitting = [
        locked
        for locked, entry in _lock()["connectors"].items()
        if minor_version(locked) == minor and scala in (None, entry["scala"])
    ]
    return min(
        reversed(fitting),  # the newer of two that are equally near
        key=lambda locked: abs(patch_number(locked) - patch),
        default=None,
    )


def connector_jars(spark_version: str, scala: str) -> list[LockedJar] | None:
    """The jars that a Spark of this version lacks to read and write Kafka.

    They belong to the nearest locked version. None for a minor version that is not in
    the lock.
    """
    locked = nearest_connector(spark_version, scala)
    if locked is None:
        return None
    return [LockedJar(**jar) for jar in _lock()["connectors"][locked]["jars"]]


def connector_scala(spark_version: str) -> str | None:
    """The Scala version of the connector locked for this Spark, or None."""
    locked = nearest_connector(spark_version)
    return None if locked is None else str(_lock()["connectors"][locked]["scala"])


def scala_versions() -> list[str]:
    """The Scala versions of the Sparks in the lock. The kit has a helper for each."""
    return list(dict.fromkeys(it["scala"] for it in _lock()["connectors"].values()))


def kafka_clients(spark_version: str) -> LockedJar:
    """The kafka-clients jar of this Spark's connector.

    If the lock does not have that one, the newest will do, because the jar does not
    depend on Spark.
    """
    locked = nearest_connector(spark_version) or connector_versions()[-1]
    jars = [LockedJar(**jar) for jar in _lock()["connectors"][locked]["jars"]]
    return next(jar for jar in jars if ":kafka-clients:" in jar.coordinate)


def fetch(jars: Sequence[LockedJar], what: str) -> list[Path]:
    """The local paths of the jars, in the given order.

    Jars that are missing in the cache are downloaded in parallel and verified. A
    complete cache is only read.

    Safe with concurrent processes: one downloads, the others wait for it. If the cache
    can't be locked, each downloads for itself.

    Raises:
        JarError: a jar can't be fetched or read, or is not the locked one.
    """
    root = cache_folder() / "maven"
    if os.pathsep in str(root):
        raise JarError(
            f"The cache folder {root} can't be used: Java reads a path with "
            f"{os.pathsep!r} in it as several paths. Set {CACHE_ENV} to another folder."
        )
    paths = [root / jar.path for jar in jars]
    if _missing(jars, paths):
        with _alone(root):
            if missing := _missing(jars, paths):
                _fill(root, missing, what)
    return paths


def are_fetched(jars: Sequence[LockedJar]) -> bool:
    """Whether `fetch` would download nothing.

    Raises:
        JarError: a jar can't be read, or is a folder.
    """
    root = cache_folder() / "maven"
    return not _missing(jars, [root / jar.path for jar in jars])


def _fill(root: Path, missing: Sequence[LockedJar], what: str) -> None:
    try:
        for jar in missing:
            make_folder((root / jar.path).parent)
            if (root / jar.path).exists():
                log.warning(
                    "the cached jar %s is not the locked one, fetching it again",
                    root / jar.path,
                )
        _download_all(missing, root, what)
        for jar in missing:  # they are not secret, and root builds images
            (root / jar.path).chmod(0o644)
            _stamp_if_possible(root / jar.path, jar.sha256)
    except OSError as error:
        raise JarError(
            f"The jars of {what} can't be kept in {root}: {error}. "
            f"{sum(jar.size for jar in missing) / 1e6:.0f} MB are needed there, in "
            f"writable folders. Or set {CACHE_ENV} to another folder."
        ) from error


def _missing(jars: Sequence[LockedJar], paths: Sequence[Path]) -> list[LockedJar]:
    return [
        jar for jar, path in zip(jars, paths, strict=True) if not _is_there(jar, path)
    ]


_checked: set[tuple[str, str, int, int]] = set()
"""Jars that this process has checked: path, digest, size and time."""


def _is_there(jar: LockedJar, path: Path) -> bool:
    """Whether the locked jar is there.

    Its bytes are read if no stamp says that they have been, or if others could have
    written it.

    Raises:
        JarError: it can't be read, or is a folder.
    """
    try:
        if path.is_dir():
            raise JarError(f"{path} is a folder where a jar should be. Remove it.")
        if not path.is_file():
            return False
        facts = path.stat()
        if facts.st_size != jar.size:
            return False
        key = (str(path), jar.sha256, facts.st_size, facts.st_mtime_ns)
        if key not in _checked:
            if not is_as_stamped(path, jar.sha256):
                if sha256_of(path) != jar.sha256:
                    return False
                _stamp_if_possible(path, jar.sha256)
            with path.open("rb"):
                _checked.add(key)
    except PermissionError as error:
        raise JarError(
            f"The cached jar {path} can't be read: {error}. Make the cache readable "
            f"for this user, or set {CACHE_ENV} to a writable folder."
        ) from error
    return True


def _stamp_if_possible(path: Path, sha256: str) -> None:
    try:
        stamp(path, path, sha256)
    except OSError:
        pass  # a read-only cache: its jars are read each time


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Make the folder and hold its lock.

    Without locks it goes on, because each jar is put in its place whole.
    """
    from filelock import FileLock

    try:
        make_folder(root)
    except OSError as error:
        raise JarError(
            f"The cache folder {root} can't be made: {error}. Set {CACHE_ENV} to a "
            "writable folder."
        ) from error
    try:
        problem = lock_problem(root)
        lock = None if problem else FileLock(root / ".lock")
        if lock:
            lock.acquire()
    except OSError as error:
        raise JarError(
            f"The cache folder {root} lacks jars and can't be written: {error}. Set "
            f"{CACHE_ENV} to a writable folder."
        ) from error
    if problem:
        log.info("%s can't be locked (%s), fetching without a lock", root, problem)
    try:
        yield
    finally:
        if lock:
            lock.release()


def _download_all(jars: Sequence[LockedJar], root: Path, what: str) -> None:
    repository = Repository.of_environment(MAVEN_ENV, MAVEN_CENTRAL)
    stop = threading.Event()
    with (
        fetching(what, sum(jar.size for jar in jars)) as advance,
        ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
    ):
        futures = [
            pool.submit(_download, jar, root, repository, advance, stop) for jar in jars
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            stop.set()  # the others wait for a server, or are in the middle of a file
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _download(
    jar: LockedJar,
    root: Path,
    repository: Repository,
    advance: Callable[[int], None],
    stop: threading.Event,
) -> None:
    url = f"{repository.url}/{jar.path}"
    target = root / jar.path
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            digest = repository.fetch(jar.path, jar.size, file, advance, stop)
        if digest != jar.sha256:
            raise JarError(
                f"{url} is not the jar that the lock file names: its sha256 is "
                f"{digest}, expected {jar.sha256}. Nothing was kept. Check the mirror "
                f"that {MAVEN_ENV} names."
            )
        Path(part).replace(target)
    except StorageError as error:
        raise error.__cause__ or error from None  # a problem of the cache, not of a jar
    except FetchError as error:
        raise JarError(
            f"{url} can't be fetched: {error}. Either set {MAVEN_ENV} to a Maven "
            "repository that this machine reaches, or copy the "
            f"folder {cache_folder()} from a machine where the kit has run."
        ) from None
    finally:
        Path(part).unlink(missing_ok=True)
