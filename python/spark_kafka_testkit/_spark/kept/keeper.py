"""The main module of the keeper of Spark's JVM.

The JVM lives by its stdin, which the keeper holds.
"""

from __future__ import annotations

import logging
import math
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._jvm.kept_jvm import KeptJvm
from spark_kafka_testkit._jvm.process import wait_for_end
from spark_kafka_testkit._kept.keeper import serve
from spark_kafka_testkit._kept.lease import LeaseFile
from spark_kafka_testkit._spark.attach import start_jvm
from spark_kafka_testkit._spark.kept.lease import SparkFile, SparkLease
from spark_kafka_testkit._spark.worker_sockets import FOLDER_SETTING, socket_folder
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import SparkSetupError

log = logging.getLogger("spark_kafka_testkit")

STOP_SECONDS = 5.0
AGAIN_SECONDS = 60.0
FULLEST = 0.5  # of the heap after a collection, above which the JVM is replaced
LOG_BYTES = 10 << 20


class _KeptSpark:
    def __init__(
        self, lease_file: LeaseFile[SparkLease], order: dict[str, Any]
    ) -> None:
        self._lease_file, self._order = lease_file, order
        self._folder = str(Path.cwd())
        if not order["safe_path"]:  # the keeper's, but workers inherit it
            os.environ.pop("PYTHONSAFEPATH", None)
        self._jvm, self._popen = self._start()
        self._started = _clock.now()
        self._replaced = -math.inf

    def _start(self) -> tuple[KeptJvm, subprocess.Popen[bytes]]:
        from pyspark import SparkContext
        from pyspark.errors import PySparkRuntimeError

        SparkContext._gateway = SparkContext._jvm = None
        os.chdir(self._folder)
        try:
            with _output_to_log(str(self._lease_file.errors)):
                start_jvm(self._order["settings"])
        except PySparkRuntimeError as error:
            said = self._lease_file.errors.read_text(errors="replace").strip()
            raise SparkSetupError(f"Spark's JVM ended at its start:\n{said}") from error
        gateway: Any = SparkContext._gateway
        jvm = KeptJvm(gateway)
        jvm.remember()
        return jvm, gateway.proc

    @property
    def ended(self) -> str:
        code = self._popen.poll()
        return "" if code is None else f"Spark's JVM ended with exit code {code}"

    def lease(self) -> SparkLease:
        version, _ = spark_and_jars()
        users = self._order["settings"].get(FOLDER_SETTING)
        return SparkLease(
            key=self._order["key"],
            name=f"Spark {version.spark} on Java {self._jvm.java_version}",
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            seconds=self._order["seconds"],
            log=str(self._lease_file.errors),
            working_folder=self._folder,
            port=self._jvm.port,
            secret=self._jvm.secret,
            sockets=users or socket_folder() or "",
            jvm=self._popen.pid,
            facts=self._order["facts"],
        )

    def tidy(self) -> bool:
        """Tidy the JVM, or replace it if that fails or its heap is too full."""
        if self._lease_file.errors.stat().st_size > LOG_BYTES:
            os.truncate(self._lease_file.errors, 0)
        try:
            self._jvm.tidy()
            if self._jvm.fullness() < FULLEST:
                return False
        except Exception as error:  # noqa: BLE001  whatever it is, another one is sound
            log.debug("Spark's JVM could not be tidied: %s", error)
        self.stop()
        self._start_again()
        return True

    def replace(self) -> bool:
        """Start another JVM, unless it ends again and again."""
        before, self._replaced = self._replaced, _clock.monotonic()
        if self._replaced - before < AGAIN_SECONDS:
            return False
        self._start_again()
        return True

    def _start_again(self) -> None:
        self._jvm, self._popen = self._start()
        os.chdir("/")

    def stop(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        if not wait_for_end(self._popen, STOP_SECONDS):
            self._popen.kill()
            self._popen.wait()


@contextmanager
def _output_to_log(file: str) -> Iterator[None]:
    """Write the output of what starts in this block to a file.

    Whoever asked for the keeper waits for the end of our stdout.
    """
    kept = [os.dup(number) for number in (1, 2)]
    log_file = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        for number in (1, 2):
            os.dup2(log_file, number)
        yield
    finally:
        for number, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, number)
            os.close(saved)
        os.close(log_file)


if __name__ == "__main__":
    serve(SparkFile, _KeptSpark)
