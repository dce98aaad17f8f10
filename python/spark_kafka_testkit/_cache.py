"""The folder in which fetched and derived files are kept, and whether it can be written
and locked.
"""

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
    """Where fetched and derived files are kept: SPARK_KAFKA_TESTKIT_CACHE, else the
    user's cache folder.

    Raises:
        JarError: it begins with a `~` that stands for no known folder.
    """
    return absolute(os.environ.get(CACHE_ENV) or _users_folder(), CACHE_ENV)


def _users_folder() -> str:
    import platformdirs

    try:
        return platformdirs.user_cache_dir("spark-kafka-testkit")
    except RuntimeError:  # no home; older versions give the `~` back
        return "~/.cache/spark-kafka-testkit"


@cache
def absolute(path: str, variable: str) -> Path:
    """The path with its `~` expanded, below the working directory of its first use: a
    later `chdir` does not move what lies there.

    Raises:
        JarError: the `~` stands for no known folder; the text names the
            variable to set.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise JarError(
            f"The folder {path} can't be found: its ~ stands for no known home folder. "
            f"Set {variable} to an absolute path."
        ) from error


def environment() -> dict[str, str]:
    """The environment for a process of ours, which finds the folders where we do,
    whatever its working directory and ours.
    """
    folders = {
        variable: str(absolute(os.environ[variable], variable))
        for variable in (CACHE_ENV, JARS_ENV)
        if os.environ.get(variable)
    }
    return {**os.environ, **folders}


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Makes the folder and those above it, which nobody else may write to, whatever the
    umask.

    Raises:
        OSError: it can't be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode, exist_ok=True)


def lock_problem(folder: Path) -> OSError | None:
    """Why files in this folder can't be locked (Lustre and some network file systems
    know no `flock`), or None where they can.

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
