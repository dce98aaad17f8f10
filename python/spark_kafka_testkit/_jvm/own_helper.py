"""The helper in a small JVM of our own: for Spark Connect, and for no session at all.

There is one a process, started when it is first needed. It ends when its stdin does, so
it can't outlive this process; forked children start their own.
"""

from __future__ import annotations

import atexit
import os
import secrets
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO

from spark_kafka_testkit._jvm.helper import Helper, helper_at
from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._jvm.jars import fetch, kafka_clients
from spark_kafka_testkit._jvm.java import (
    Answers,
    ClassArchive,
    EnvironmentOptions,
    close_in_children,
    end_process,
    find_java,
)
from spark_kafka_testkit.errors import JarError, JavaNotFoundError, SparkSetupError

__all__ = ["CLIENT_ENV", "class_path", "own_helper"]


CLIENT_ENV = "SPARK_KAFKA_TESTKIT_CLIENT"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_LINES = 20
FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms32m",
    "-Xmx512m",
    "-Djava.awt.headless=true",
    # Arrow's memory, by netty; older Javas don't know the last option, nor need it
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:disable",
    "-Xlog:all=warning:stderr",
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
"""The beginnings of the names of those jars of Spark that the helper needs."""


def own_helper() -> tuple[Helper | None, str]:
    """The helper in this process's own JVM, which is started if there is none; or None
    and the reason, which is looked for once.

    Raises:
        HelperError: the jar is of another version than this package.
    """
    return _slot.helper()


class _Slot:
    """The one JVM of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._jvm: _HelperJvm | None = None
        self._reason = ""

    def helper(self) -> tuple[Helper | None, str]:
        with self._lock:
            if self._jvm is not None and not self._jvm.is_alive:
                self._jvm.stop()
                self._jvm = None
            if self._jvm is None and not self._reason:
                try:
                    self._jvm = _HelperJvm()
                except (
                    JarError,
                    JavaNotFoundError,
                    SparkSetupError,
                    _StartError,
                ) as error:
                    self._reason = str(error).strip()
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
    """The helper, the connector's kafka-clients, and what else they need of Spark's own
    jars.

    Raises:
        SparkSetupError: no Spark with jars is installed, or one without what is needed.
        JarError: a jar can't be found or fetched.
    """
    version, folder = spark_and_jars()
    found = {name: sorted(folder.glob(f"{name}[0-9a-z]*.jar")) for name in SPARKS_JARS}
    if missing := [name for name in ("arrow-", "py4j-") if not found[name]]:
        raise SparkSetupError(
            f"{folder} lacks the jars {', '.join(f'{name}*.jar' for name in missing)}."
        )
    return [
        version.helper,
        *fetch([kafka_clients(version.spark)], "kafka-clients"),
        *(jar for jars in found.values() for jar in jars),
    ]


class _StartError(Exception):
    pass


class _HelperJvm:
    """One JVM with the helper, and the pipe it lives by."""

    def __init__(self) -> None:
        java, jars = find_java(hint=""), class_path()
        self._options = EnvironmentOptions.read()
        flags = [*FLAGS, *self._options.kept]
        self._archive = ClassArchive("helper", java, flags, jars)
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  ours till stop()
        command = [str(java.executable), *FLAGS, *self._archive.flags]
        command += ["-cp", os.pathsep.join(map(str, jars)), "sparkkafka.testkit.Main"]
        try:
            self._popen = subprocess.Popen(
                command,
                env=self._options.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C at the terminal is ours to answer
            )
        except OSError as error:
            raise _StartError(str(error)) from error
        close_in_children(self._popen)
        self._answers = Answers(self._popen, ["READY "], self._log)
        self._is_ready = False
        try:
            self.helper = self._connect()
        except BaseException:
            self.stop()
            raise
        self._is_ready = True

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def _connect(self) -> Helper:
        secret = secrets.token_hex(32)
        stdin = self._popen.stdin
        assert stdin is not None
        try:
            stdin.write(f"{secret}\n".encode())
            stdin.flush()
            answer = self._answers.wait(START_SECONDS)
        except (BrokenPipeError, TimeoutError):
            answer = ""
        if not answer:
            raise _StartError(
                f"it was not ready within {START_SECONDS:g} s, or ended"
                f"{self._options.hint()}. It says:\n{self._log_tail()}"
            )
        return helper_at(int(answer.split()[1]), secret)

    def _log_tail(self) -> str:
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-LOG_LINES:])

    def stop(self) -> None:
        end_process(self._popen, self._answers, "the helper's JVM", STOP_SECONDS)
        self._log.close()
        self._archive.end(self._is_ready)
