"""The helper in a small JVM of the kit, for Spark Connect and for no session at all.

Each process has one, started when it is first needed. It ends when its stdin does, so
it can't outlive this process. Forked children start their own.
"""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
import threading
from itertools import chain
from pathlib import Path

from spark_kafka_testkit._jvm.helper import Helper, helper_at
from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._jvm.jars import fetch, kafka_clients
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._jvm.process import (
    BrokenArchiveError,
    JavaProcess,
    JavaProcessError,
)
from spark_kafka_testkit.errors import JarError, JavaNotFoundError, SparkSetupError

__all__ = ["CLIENT_ENV", "class_path", "own_helper", "stop_own_helper"]

CLIENT_ENV = "SPARK_KAFKA_TESTKIT_CLIENT"
START_SECONDS = 60.0
LOG_LINES = 20
FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms32m",
    "-Xmx512m",
    "-Djava.awt.headless=true",
    # Arrow's memory, through netty. Older Javas neither know nor need the last option.
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:disable",
    "-Xlog:all=warning:stderr",
    # report a crash in the log, and leave no file in the user's folder
    "-XX:+ErrorFileToStderr",
    "-XX:-CreateCoredumpOnCrash",
)
SPARKS_JARS = (
    "arrow-",
    "commons-codec-",
    "flatbuffers-java-",
    "jackson-annotations-",
    "jackson-core-",
    "jackson-databind-",
    "jackson-datatype-jsr310-",
    "lz4-java-",
    "netty-buffer-",
    "netty-common-",
    "py4j-",
    "scala-library-",
    "slf4j-api-",
    "snappy-java-",
    "zstd-jni-",
)
"""The prefixes of the jars of Spark that the helper needs."""


def own_helper() -> tuple[Helper | None, str]:
    """The helper in this process's own JVM, or None and the reason.

    The JVM is started if there is none. If it can't be started, the reason is kept.

    Raises:
        HelperError: the jar is not of the same version as this package.
    """
    return _slot.helper()


def stop_own_helper() -> None:
    """End the JVM, if there is one, before this process ends."""
    _slot.stop()


class _Slot:
    """The holder of this process's one JVM."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._jvm: _HelperJvm | None = None
        self._reason = ""

    def helper(self) -> tuple[Helper | None, str]:
        with self._lock:
            if self._jvm is not None and not self._jvm.is_usable:
                self._jvm.stop()
                self._jvm = None
            if self._jvm is None and not self._reason:
                try:
                    self._jvm = _start_jvm()
                except (
                    JarError,
                    JavaNotFoundError,
                    SparkSetupError,
                    JavaProcessError,
                ) as error:
                    self._reason = str(error)
            return (self._jvm.helper, "") if self._jvm else (None, self._reason)

    def stop(self) -> None:
        with self._lock:
            if self._jvm is not None:
                self._jvm.stop()
                self._jvm = None


_slot = _Slot()
atexit.register(_slot.stop)
# a forked child has neither the parent's JVM nor its lock
os.register_at_fork(after_in_child=_slot.forget)


def class_path() -> list[Path]:
    """The helper, the connector's kafka-clients, and the jars of Spark that they need.

    Raises:
        SparkSetupError: no Spark with jars is installed, or it lacks what is needed.
        JarError: a jar can't be found or fetched.
    """
    version, folder = spark_and_jars()
    jars = {name: sorted(folder.glob(f"{name}[0-9a-z]*.jar")) for name in SPARKS_JARS}
    if missing := [f"{name}*.jar" for name in ("arrow-", "py4j-") if not jars[name]]:
        raise SparkSetupError(f"{folder} lacks the jars {', '.join(missing)}.")
    return [
        version.helper,
        *fetch([kafka_clients(version.spark)], "kafka-clients"),
        *chain.from_iterable(jars.values()),
    ]


def _start_jvm() -> _HelperJvm:
    try:
        return _HelperJvm()
    except BrokenArchiveError:
        return _HelperJvm()


class _HelperJvm:
    """One JVM with the helper."""

    def __init__(self) -> None:
        self._process = JavaProcess(
            "the helper's JVM",
            "helper",
            find_java(hint=""),
            FLAGS,
            class_path(),
            ["sparkkafka.testkit.Main"],
            log=tempfile.TemporaryFile("a+b"),  # noqa: SIM115  the process closes it
        )
        try:
            self.helper = self._connect()
        except BaseException:
            self.stop()
            raise

    @property
    def is_usable(self) -> bool:
        return not (self._process.ended or self.helper.is_lost)

    def _connect(self) -> Helper:
        secret = secrets.token_hex(32)
        self._process.write_line(secret)
        try:
            port = self._process.wait_until_ready(START_SECONDS)
        except BrokenArchiveError:
            raise
        except JavaProcessError as error:
            said = self._process.log_tail(LOG_LINES)
            raise JavaProcessError(f"{error}. It says:\n{said}") from error
        return helper_at(int(port), secret)

    def stop(self) -> None:
        self._process.stop()
