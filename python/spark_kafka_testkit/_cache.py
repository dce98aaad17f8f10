"""The folder for fetched and derived files, and whether it can be locked."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from spark_kafka_testkit.errors import JarError

__all__ = [
    "CACHE_ENV",
    "JARS_ENV",
    "absolute",
    "cache_folder",
    "environment",
    "lock_problem",
    "make_folder",
]

CACHE_ENV = "SPARK_KAFKA_TESTKIT_CACHE"
JARS_ENV = "SPARK_KAFKA_TESTKIT_JARS"


def cache_folder() -> Path:
    """The folder for fetched and derived files.

    It is SPARK_KAFKA_TESTKIT_CACHE, or by default the user's cache folder.

    Raises:
        JarError: the path begins with a `~` that stands for no known folder.
    """
    return absolute(os.environ.get(CACHE_ENV) or _users_folder(), CACHE_ENV)


def _users_folder() -> str:
    import platformdirs

    try:
        return platformdirs.user_cache_dir("spark-kafka-testkit")
    except RuntimeError:  # no home (older versions return the `~` as it is)
        return "~/.cache/spark-kafka-testkit"


@cache
def absolute(path: str, variable: str) -> Path:
    """The path with its `~` expanded, absolute from its first use on.

    It is relative to the working directory of that first use, so a later `chdir` does
    not move what is stored there.

    Raises:
        JarError: the `~` stands for no known folder. The message names the variable to
            set.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise JarError(
            f"The folder {path} can't be found: its ~ is not a known home folder. Set "
            f"{variable} to an absolute path."
        ) from error


def environment() -> dict[str, str]:
    """The environment for a process that the kit starts.

    The process finds the folders where we do, whatever the working directories are.
    """
    folders = {
        variable: str(absolute(os.environ[variable], variable))
        for variable in (CACHE_ENV, JARS_ENV)
        if os.environ.get(variable)
    }
    return {**os.environ, **folders}


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Create the folder and its parents, writable for nobody else whatever the umask.

    Raises:
        OSError: it can't be created.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode, exist_ok=True)


def lock_problem(folder: Path) -> OSError | None:
    """Why files in this folder can't be locked, or None if they can.

    Lustre and some network file systems have no `flock`.

    Raises:
        OSError: nothing can be written there.
    """
    import fcntl

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error
    return None
