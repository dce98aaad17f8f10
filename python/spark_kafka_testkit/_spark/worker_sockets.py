"""Unix domain sockets between Spark's JVM and the Python workers of a local session.

Over TCP, a message that is smaller than a packet waits until the one before it is
acknowledged, and the other side delays that by 40 ms. Spark has mended it for the state
of `transformWithState` only (SPARK-51667).
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Mapping
from functools import cache

from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._spark.loopback import is_local
from spark_kafka_testkit._versions import minor_numbers
from spark_kafka_testkit._work_folder import WorkFolder

__all__ = ["FOLDER_SETTING", "socket_folder", "socket_settings"]

SETTING = "spark.python.unix.domain.socket.enabled"
FOLDER_SETTING = "spark.python.unix.domain.socket.dir"
DEFAULT_ENV = "PYSPARK_UDS_MODE"
"""Spark's variable for the setting's default."""

SINCE = (4, 1)
LONGEST_PATH = 61
"""So long may the folder's path be by Spark's rule. A socket's may have 103 bytes."""


def socket_settings(conf: Mapping[str, str]) -> dict[str, str]:
    """The settings that make a new session talk to its workers by sockets in a folder.

    Empty if the session is not local, if the user has chosen, or if there is no folder.
    """
    is_chosen = SETTING in conf or DEFAULT_ENV in os.environ
    if is_chosen or not is_local(conf.get("spark.master", "")):
        return {}
    folder = conf.get(FOLDER_SETTING) or socket_folder()
    return {SETTING: "true", FOLDER_SETTING: folder} if folder else {}


@cache
def socket_folder() -> str | None:
    """A folder for all sessions of this process, which is removed at its exit.

    None if the installed Spark has no such sockets, or if there is no place for it with
    a path short enough: macOS gives each user a temporary folder with a long one.
    """
    version, _ = spark_and_jars()
    if minor_numbers(version.spark) < SINCE:
        return None
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108
        try:
            folder = WorkFolder("workers", parent)
        except OSError:
            continue
        if len(str(folder.path)) <= LONGEST_PATH:
            atexit.register(folder.remove)
            return str(folder.path)
        folder.remove()
    return None
