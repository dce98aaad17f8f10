"""Records the class archive of Spark's JVM, in its own process with low priority.

    python -m spark_kafka_testkit._recorder SECONDS

Stdin provides the settings of a session, as one line of JSON. The process begins after
that many seconds. It ends soon after its stdin does, or at once if another process on
this machine is recording.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from spark_kafka_testkit._cache import cache_folder, make_folder
from spark_kafka_testkit._exercise import exercise
from spark_kafka_testkit._jvm.jars import are_fetched, broker_jars
from spark_kafka_testkit._jvm.process import wait_for_end
from spark_kafka_testkit._spark.attach import start_jvm
from spark_kafka_testkit._spark.conf import (
    CLASS_PATH,
    DEFAULT_OPTIONS,
    DRIVER_OPTIONS,
    archive_of,
)
from spark_kafka_testkit._spark.submit import ARGS_ENV
from spark_kafka_testkit._work_folder import WorkFolder
from spark_kafka_testkit.kafka_utils import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GRACE_SECONDS = 5.0
DUMP_SECONDS = 600.0
QUIET = {"spark.log.level": "OFF", "spark.ui.showConsoleProgress": "false"}


def main() -> None:
    import fcntl

    settings: dict[str, str] = json.loads(sys.stdin.readline())
    if select.select([sys.stdin], [], [], float(sys.argv[1]))[0]:
        return  # its owner has ended
    os.nice(19)
    threading.Thread(target=_end_with_owner, daemon=True).start()
    folder = cache_folder() / "archives"
    make_folder(folder)
    with (folder / ".recording").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # another process does it, or the file system has no locks
        _record(settings)


_jvm: subprocess.Popen[bytes] | None = None
_work: WorkFolder | None = None
_kafka = KafkaUtils(backend="embedded")
_is_settled = threading.Event()  # no JVM is just being started
_is_settled.set()


def _end_with_owner() -> None:
    """End with the owner. What the JVM has not written by then is lost."""
    sys.stdin.read()
    time.sleep(GRACE_SECONDS)
    _is_settled.wait(GRACE_SECONDS)  # otherwise nobody would know what to end
    if _jvm is not None:
        _jvm.kill()
        _jvm.wait()
    _kafka.teardown()
    if _work is not None:
        _work.remove()
    os._exit(1)


def _record(settings: dict[str, str]) -> None:
    global _jvm, _work  # noqa: PLW0603  there is only one
    archive = archive_of(settings, records=True)
    if archive.file is None or not archive.is_lacking:
        return
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    os.environ[ARGS_ENV] = "pyspark-shell"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    _work = WorkFolder("recorder")
    place = str(_work.path)
    os.chdir(place)
    own = {
        name: settings[name]
        for name in (CLASS_PATH, DEFAULT_OPTIONS)
        if name in settings
    }
    flags = [*archive.file.flags, f"-Djava.io.tmpdir={place}"]
    own[DRIVER_OPTIONS] = " ".join([settings[DRIVER_OPTIONS], *flags])
    own |= {**QUIET, "spark.master": "local[2]", "spark.local.dir": place}
    builder = SparkSession.builder
    for name, value in own.items():
        builder = builder.config(name, value)
    code = None
    try:
        _is_settled.clear()
        start_jvm(own)
        _jvm = SparkContext._gateway.proc  # type: ignore[union-attr]
        _is_settled.set()
        spark = builder.getOrCreate()
        kafka = _kafka if are_fetched(broker_jars()) else None
        exercise(spark, kafka, _work.path)
        code = _end(spark, _jvm)
    finally:
        if not archive.file.end(is_whole=code == 0) and code == 0:
            archive.file.refuse()
        _work.remove()


def _end(spark: SparkSession, jvm: subprocess.Popen[bytes]) -> int:
    """End the JVM, which then writes the archive, and return its exit code."""
    spark.stop()
    assert jvm.stdin is not None
    jvm.stdin.close()
    if not wait_for_end(jvm, DUMP_SECONDS):
        jvm.kill()
    return jvm.wait()


if __name__ == "__main__":
    main()
