"""Jars: the kit's own, which the package carries, and those of others, which are
fetched once, verified, and kept in the user's cache.

`jars/lock.json` names each fetched jar with its sha256 and size; `sbt lockJars` writes
it.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._progress import fetching
from spark_kafka_testkit._versions import minor_version, patch_number
from spark_kafka_testkit.errors import JarError

if TYPE_CHECKING:
    from spark_kafka_testkit._jvm.maven import Repository

__all__ = [
    "LockedJar",
    "broker_jars",
    "broker_version",
    "cache_folder",
    "connector_jars",
    "connector_scala",
    "connector_versions",
    "fetch",
    "kafka_clients",
    "nearest_connector",
    "own_jar",
]

MAVEN_ENV = "SPARK_KAFKA_TESTKIT_MAVEN_URL"
CACHE_ENV = "SPARK_KAFKA_TESTKIT_CACHE"
JARS_ENV = "SPARK_KAFKA_TESTKIT_JARS"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
BUNDLED = Path(__file__).parents[1] / "jars"
PARALLEL_DOWNLOADS = 8


@dataclass(frozen=True)
class LockedJar:
    """A jar of a Maven repository, and what its content must be."""

    coordinate: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Its path below a Maven repository, and below our cache."""
        group, artifact, version = self.coordinate.split(":")
        return (
            f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"
        )


def own_jar(name: str) -> Path:
    """The path of a jar of the kit itself: in the folder that SPARK_KAFKA_TESTKIT_JARS
    names, else in the package.

    Raises:
        JarError: it is in neither; the text names every place tried.
    """
    folders = [Path(os.environ[JARS_ENV])] if os.environ.get(JARS_ENV) else []
    folders.append(BUNDLED)
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    tried = "\n".join(f"  {folder / name}" for folder in folders)
    raise JarError(
        f"The jar {name} was not found. Tried:\n{tried}\n"
        f"In a checkout, build it with ./ci/setup; or set {JARS_ENV} to a folder that "
        "holds it."
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
    """The Spark version whose locked connector goes with this Spark: the nearest one
    of the same minor version; or None where the lock has none, or not for this Scala.
    """
    minor, patch = minor_version(spark_version), patch_number(spark_version)
    fitting = [
        locked
        for locked, entry in _lock()["connectors"].items()
        if minor_version(locked) == minor and scala in (None, entry["scala"])
    ]
    return min(
        reversed(fitting),  # of two as near, the newer
        key=lambda locked: abs(patch_number(locked) - patch),
        default=None,
    )


def connector_jars(spark_version: str, scala: str) -> list[LockedJar] | None:
    """What a Spark of this version lacks to read and write Kafka, of the nearest locked
    version; or None for a minor version that is not in the lock.
    """
    locked = nearest_connector(spark_version, scala)
    if locked is None:
        return None
    return [LockedJar(**jar) for jar in _lock()["connectors"][locked]["jars"]]


def connector_scala(spark_version: str) -> str | None:
    """The Scala version of the connector that is locked for this Spark, if one is."""
    locked = nearest_connector(spark_version)
    return None if locked is None else str(_lock()["connectors"][locked]["scala"])


def kafka_clients(spark_version: str) -> LockedJar:
    """The kafka-clients of this Spark's connector, or of the newest one where that is
    not in the lock: it does not depend on Spark.
    """
    locked = nearest_connector(spark_version) or connector_versions()[-1]
    jars = [LockedJar(**jar) for jar in _lock()["connectors"][locked]["jars"]]
    return next(jar for jar in jars if ":kafka-clients:" in jar.coordinate)


def cache_folder() -> Path:
    """Where fetched and derived files are kept: SPARK_KAFKA_TESTKIT_CACHE, else the
    user's cache folder.
    """
    import platformdirs

    return Path(
        os.environ.get(CACHE_ENV) or platformdirs.user_cache_dir("spark-kafka-testkit")
    )


def fetch(jars: Sequence[LockedJar], what: str) -> list[Path]:
    """The local paths of the jars, in their order; those not in the cache are
    downloaded side by side and verified.

    Safe under concurrent processes: one downloads, the others wait for it.

    Raises:
        JarError: a jar can't be had, or is not the locked one.
    """
    root = cache_folder() / "maven"
    paths = [root / jar.path for jar in jars]
    if missing := _missing(jars, paths):
        from filelock import FileLock

        _make_private(root)
        with FileLock(root / ".lock"):
            missing = _missing(jars, paths)
            if missing:
                _download_all(missing, root, what)
    return paths


def _missing(jars: Sequence[LockedJar], paths: Sequence[Path]) -> list[LockedJar]:
    return [
        jar
        for jar, path in zip(jars, paths, strict=True)
        if not path.is_file() or path.stat().st_size != jar.size
    ]


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JarError(
            f"The cache folder {folder} can't be made: {error}. Set {CACHE_ENV} to a "
            "folder of yours."
        ) from error


def _download_all(jars: Sequence[LockedJar], root: Path, what: str) -> None:
    from spark_kafka_testkit._jvm.maven import Repository

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
    from spark_kafka_testkit._jvm.maven import FetchError

    url = f"{repository.url}/{jar.path}"
    target = root / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            digest = repository.fetch(jar.path, jar.size, file, advance, stop)
        if digest != jar.sha256:
            raise JarError(
                f"{url} is not the jar that the lock file names: its sha256 is "
                f"{digest}, and {jar.sha256} is expected. Nothing was kept. Check the "
                f"mirror that {MAVEN_ENV} names."
            )
        Path(part).replace(target)
    except FetchError as error:
        raise JarError(
            f"{url} can't be fetched: {error}. Either set {MAVEN_ENV} to a Maven "
            "repository that this machine reaches, or copy the "
            f"folder {cache_folder()} from a machine where the kit has run."
        ) from None
    finally:
        Path(part).unlink(missing_ok=True)
