"""Where files are stored, and where jars come from."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from spark_kafka_testkit._brokers.embedded import LITTLE_ROOM
from spark_kafka_testkit._cache import CACHE_ENV, cache_folder
from spark_kafka_testkit._jvm.jars import (
    MAVEN_CENTRAL,
    MAVEN_ENV,
    LockedJar,
    are_fetched,
    broker_jars,
)
from spark_kafka_testkit._jvm.maven import FetchError, Repository
from spark_kafka_testkit._kafka_python.compat import awaited
from spark_kafka_testkit._spark.pairing import Finding
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["check_jars", "check_repository", "check_storage"]

ANSWER_SECONDS = 10.0
MUCH_ROOM = 200_000_000  # what a suite's topics and class archives need


def check_storage() -> list[Finding]:
    """Whether the folders of the cache and of brokers are writable and have room."""
    return [_check_cache(), _check_temp()]


def _check_cache() -> Finding:
    try:
        folder = cache_folder()
    except KafkaTestkitError as error:
        return Finding.of_error("cache", error)
    there = _existing(folder)
    advice = f"Set {CACHE_ENV} to a writable folder with enough room."
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        seen = f"{folder} can't be written: nothing is fetched, kept or recorded"
        return Finding("cache", "warning", seen, advice)
    return _check_room("cache", folder, there, advice)


def _check_temp() -> Finding:
    advice = "Set TMPDIR to a folder with more room. Brokers keep their data there."
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        return Finding("temporary folder", "error", str(error), advice)
    if (free := shutil.disk_usage(folder).free) < LITTLE_ROOM:
        seen = f"{folder}, where {_shown(free)} are free: too little for a broker"
        return Finding("temporary folder", "error", seen, advice)
    return _check_room("temporary folder", folder, folder, advice)


def _check_room(subject: str, folder: Path, there: Path, advice: str) -> Finding:
    free = shutil.disk_usage(there).free
    seen = f"{folder}, where {_shown(free)} are free"
    if free >= MUCH_ROOM:
        return Finding(subject, "ok", seen)
    return Finding(subject, "warning", f"{seen}, which is little", advice)


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if _is_there(place))


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # inside a folder that can't be entered
        return False


def check_jars(subject: str, jars: Sequence[LockedJar], what: str) -> Finding:
    """Whether jars are in the cache, or can be fetched.

    Args:
        subject: the subject of the finding.
        jars: all the jars that are needed.
        what: what they are, for people.
    """
    try:
        missing = [jar for jar in jars if not are_fetched([jar])]
        folder = cache_folder()
    except KafkaTestkitError as error:
        return Finding.of_error(subject, error)
    if not missing:
        return Finding(subject, "ok", f"{what}, in the cache")
    there = _existing(folder)
    size, free = sum(jar.size for jar in missing), shutil.disk_usage(there).free
    problem, advice = "", f"Set {CACHE_ENV} to a writable folder with enough room."
    if not os.access(there, os.W_OK | os.X_OK):
        problem = f"{folder} can't be written"
    elif free < size:
        problem = f"{folder} has room for {_shown(free)}, but {_shown(size)} are needed"
    elif problem := _refusal(missing):
        advice = (
            f"Set {MAVEN_ENV} to a Maven repository that this machine reaches, or copy "
            f"the folder {folder} from a machine where the kit has run."
        )
    if problem:
        seen = f"{what}, not in the cache, and can't be fetched: {problem}"
        return Finding(subject, "error", seen, advice)
    return Finding(subject, "ok", f"{what}, fetched when it is first needed")


def check_repository() -> list[Finding]:
    """Whether the mirror that the environment names answers."""
    if not os.environ.get(MAVEN_ENV):
        return []
    refusal = _refusal(broker_jars())
    if not refusal:
        return [Finding("Maven repository", "ok", f"the one in {MAVEN_ENV} answers")]
    return [
        Finding(
            "Maven repository",
            "warning",
            refusal,
            f"Correct or unset {MAVEN_ENV}. Until then the kit can't fetch what the "
            "cache lacks.",
        )
    ]


def _refusal(jars: Sequence[LockedJar]) -> str:
    """Why the repository does not serve the smallest of the jars.

    Empty if it does.
    """
    jar = min(jars, key=lambda jar: jar.size)
    stop = threading.Event()
    try:
        repository = Repository.of_environment(MAVEN_ENV, MAVEN_CENTRAL)
        url = f"{repository.url}/{jar.path}"
        outcome = awaited(
            lambda: repository.fetch(
                jar.path, jar.size, io.BytesIO(), lambda _: None, stop
            ),
            lambda: None,
            ANSWER_SECONDS,
        )
        stop.set()
        if not outcome.done():
            return f"{url}: no answer within {ANSWER_SECONDS:g} s"
        if outcome.result() != jar.sha256:
            return f"{url} is not the jar that the lock file names"
    except FetchError as error:
        return f"{url}: {error}"
    except KafkaTestkitError as error:
        return error.problem
    return ""
