"""Find a kept JVM of Spark again, and compare what a run must share with it.

Each run makes its own context, so most settings may differ between runs. What was
decided when the JVM started may not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._kept.lease import Lease, LeaseFile
from spark_kafka_testkit._network import is_listening
from spark_kafka_testkit._spark.conf import CLASS_PATH, DEFAULT_OPTIONS, DRIVER_OPTIONS
from spark_kafka_testkit._spark.submit import default_settings, submitted_settings
from spark_kafka_testkit._spark.worker_sockets import FOLDER_SETTING
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import KafkaTestkitError, SparkSetupError

__all__ = ["JVM_SETTINGS", "SparkFile", "SparkLease", "differences", "facts"]

JVM_SETTINGS = (
    CLASS_PATH,
    DEFAULT_OPTIONS,
    DRIVER_OPTIONS,
    "spark.driver.extraLibraryPath",
    "spark.driver.memory",
    "spark.driver.userClassPathFirst",
    "spark.jars",
    "spark.jars.excludes",
    "spark.jars.ivy",
    "spark.jars.ivySettings",
    "spark.jars.packages",
    "spark.jars.repositories",
    FOLDER_SETTING,
)
"""Settings that have an effect only when Spark's JVM starts."""

# Terminals, shells, pytest and the kit set these, and no job reads them.
IGNORED = re.compile(
    r"_|OLDPWD|PWD|SHLVL|PS[0-9]|PROMPT.*|HIST.*|LS_COLORS|COLUMNS|LINES|COLORTERM|"
    r"TERM.*|TMUX.*|STY|WINDOW.*|WT_.*|VTE_.*|KONSOLE.*|ITERM.*|SSH_.*|GPG_.*|XDG_.*|"
    r"DBUS_.*|DISPLAY|WAYLAND_.*|INVOCATION_ID|JOURNAL_STREAM|VSCODE_.*|PYCHARM_.*|"
    r"JPY_.*|PYTEST_.*|PY_COLORS|NO_COLOR|FORCE_COLOR|CLICOLOR.*|"
    r"SPARK_KAFKA_TESTKIT_.*|SPARK_AUTH_SOCKET_TIMEOUT|SPARK_BUFFER_SIZE"
)


@dataclass(frozen=True)
class SparkLease(Lease):
    """The lease of a kept JVM of Spark.

    Attributes:
        working_folder: the folder in which it runs.
        port, secret: the port and secret of its gateway.
        sockets: the folder of the sockets to Python workers, or empty. Spark keeps the
            first one of a JVM for some of them.
        jvm: its process id.
        facts: what a run must share with it, by readable names.
    """

    noun = "Spark"
    folder = "kept-spark"

    working_folder: str
    port: int
    secret: str
    sockets: str
    jvm: int
    facts: dict[str, str]

    def check(self) -> None:
        if not 0 < self.port < 1 << 16:
            raise ValueError(f"its port is {self.port}")

    @property
    def where(self) -> str:
        return f"for {self.working_folder}"

    def answers(self) -> bool:
        return is_listening(f"127.0.0.1:{self.port}")

    def remove_remains(self) -> None:
        """Do nothing: the JVM lives by the keeper's pipe, and leaves nothing."""

    @classmethod
    def start_error(cls, *parts: str) -> KafkaTestkitError:
        return SparkSetupError(*parts)

    @classmethod
    def parts_of(cls, error: KafkaTestkitError) -> Sequence[str]:
        return (str(error),)

    @classmethod
    def stop_error(cls, reason: str) -> KafkaTestkitError:
        return SparkSetupError(reason)


class SparkFile(LeaseFile[SparkLease]):
    """The files of one kept Spark."""

    def __init__(self, key: str) -> None:
        super().__init__(SparkLease, key)

    @classmethod
    def here(cls) -> SparkFile:
        """The files for the installed Spark and this working directory."""
        _, folder = spark_and_jars()
        return cls(f"spark-{_digest(f'{Path.cwd()} {folder}')}")


def facts(settings: Mapping[str, str]) -> dict[str, str]:
    """The facts that matter about a JVM started with these settings from `plan()`.

    Values that are long or may be secret are replaced by digests.
    """
    version, folder = spark_and_jars()
    java = find_java(hint="")
    known = {**default_settings(folder.parent), **settings, **submitted_settings()}
    found = {
        "version of the kit": __version__,
        "Spark": f"{version.spark} in {folder.parent}",
        "Java": str(java.executable),
        "Python": "{}.{}".format(*sys.version_info),
        "jars": _digest(json.dumps([_stamp(jar) for jar in _jars(known)])),
    }
    for name in JVM_SETTINGS:
        found[f"setting {name}"] = known.get(name, "")
    for name, value in os.environ.items():
        if not IGNORED.fullmatch(name):
            found[f"environment variable {name}"] = _digest(value)
    return found


def differences(kept: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The names of the facts that differ."""
    return sorted(
        name
        for name in kept.keys() | wanted.keys()
        if kept.get(name, "") != wanted.get(name, "")
    )


def _jars(known: Mapping[str, str]) -> list[Path]:
    separators = f"[,{os.pathsep}]"
    named = f"{known.get(CLASS_PATH, '')},{known.get('spark.jars', '')}"
    return [Path(name) for name in re.split(separators, named) if name]


def _stamp(jar: Path) -> tuple[str, int, int]:
    try:
        status = jar.stat()
    except OSError:
        return (str(jar), 0, 0)
    return (str(jar), status.st_size, status.st_mtime_ns)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
