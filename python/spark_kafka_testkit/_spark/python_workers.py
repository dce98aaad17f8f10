"""Settings for the Python workers of a local session.

With them workers find the modules that this process finds, and start quickly.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from spark_kafka_testkit._spark.loopback import is_local, may_be_local

__all__ = ["daemon_settings", "python_of_this_process", "worker_settings"]

PYTHON_ENV = "PYSPARK_PYTHON"
PATH_SETTING = "spark.executorEnv.PYTHONPATH"
DAEMON_SETTING = "spark.python.daemon.module"
DAEMON = "spark_kafka_testkit_daemon"
DAEMON_FOLDER = Path(__file__).parent / "workers_path"


@contextmanager
def python_of_this_process(conf: Mapping[str, str]) -> Iterator[None]:
    """Make workers use the Python of this process.

    The first Python on the PATH may lack what their functions import. PySpark looks it
    up when the session is made.
    """
    is_chosen = os.environ.get(PYTHON_ENV) or "spark.pyspark.python" in conf
    if is_chosen or not is_local(conf.get("spark.master", "")):
        yield
        return
    os.environ[PYTHON_ENV] = sys.executable
    try:
        yield
    finally:
        os.environ.pop(PYTHON_ENV, None)


def worker_settings(conf: Mapping[str, str]) -> dict[str, str]:
    """Make workers look for modules where this process does.

    pytest puts the folders of tests on its path, and functions are sent with the name
    of their module.
    """
    if PATH_SETTING in conf or not may_be_local(conf):
        return {}
    usual = [*sysconfig.get_paths().values(), *site.getsitepackages()]
    known = {str(Path(folder).resolve()) for folder in usual}
    folders = (Path(entry).resolve() for entry in sys.path if entry)
    added = dict.fromkeys(
        str(folder)
        for folder in folders
        if folder.is_dir() and str(folder) not in known and folder.name != "lib-dynload"
    )
    return {PATH_SETTING: os.pathsep.join(added)} if added else {}


def daemon_settings(conf: Mapping[str, str]) -> dict[str, str]:
    """Make the workers of a new session start quickly, with the kit's own daemon.

    Empty if the session is not classic and local, or if the user has chosen a daemon.
    Spark Connect and other machines do not look in the daemon's folder, and without the
    daemon no Python function would run.
    """
    if DAEMON_SETTING in conf or not is_local(conf.get("spark.master", "")):
        return {}
    usual = "connect" if os.environ.get("SPARK_CONNECT_MODE") == "1" else "classic"
    if conf.get("spark.api.mode", usual) != "classic":
        return {}
    folders = [conf.get(PATH_SETTING, ""), str(DAEMON_FOLDER)]
    return {
        DAEMON_SETTING: DAEMON,
        PATH_SETTING: os.pathsep.join(filter(None, folders)),
    }
