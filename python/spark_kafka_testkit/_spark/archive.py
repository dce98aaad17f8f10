"""The class archive from which Spark's own JVM starts.

It halves the computing time that the JVM needs until a first stream has answered. Java
accepts an archive only with the class path that it was recorded with, and none for
folders. A JVM takes many seconds to write one when it ends. In the user's own JVM that
would happen when the prompt is back, so a process of the kit records a session of its
own.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from spark_kafka_testkit import _clock
from spark_kafka_testkit._cache import environment
from spark_kafka_testkit._jvm.class_archive import ClassArchive
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._jvm.process import close_in_children
from spark_kafka_testkit.errors import JarError, JavaNotFoundError

__all__ = [
    "ARCHIVE_ENV",
    "SparkArchive",
    "record_beside",
    "start_recorder",
    "unfinished",
]

log = logging.getLogger("spark_kafka_testkit")

ARCHIVE_ENV = "SPARK_KAFKA_TESTKIT_SPARK_ARCHIVE"
WISHES = ("record", "use", "off")
DELAY_SECONDS = 30.0
RECORDER = "spark_kafka_testkit._recorder"
CONF_FOLDERS = ("SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR")


class SparkArchive:
    """The archive of one class path and one set of options.

    Args:
        folder: the folder of Spark's own jars.
        class_path: what comes before them.
        options: the options of the driver's JVM.
        records: whether the JVM should record it.

    Attributes:
        obstacle: why an archive is not possible, or empty.
        file: the archive, or None if it is not possible.
        flags: what to add to the options. Empty without an archive.
        is_lacking: whether one is missing and could be recorded.
    """

    def __init__(
        self,
        folder: Path,
        class_path: str,
        options: Sequence[str],
        *,
        records: bool = False,
    ) -> None:
        self.flags: list[str] = []
        self.file: ClassArchive | None = None
        self.obstacle = _obstacle(folder)
        if self.obstacle:
            return
        jars = [Path(jar) for jar in class_path.split(os.pathsep) if jar]
        jars += sorted(folder.glob("*.jar"))
        try:
            java = find_java(hint="")
            self.file = ClassArchive("spark", java, options, jars, records=records)
        except (JavaNotFoundError, JarError, OSError) as error:
            self.obstacle = str(error)
            return
        if self.file.flags:
            # keep Java silent about an archive that it does not accept
            tags = "aot*=off,cds*=off" if java.major >= 25 else "cds*=off"
            self.flags = [*self.file.flags, f"-Xlog:{tags}"]

    @property
    def is_lacking(self) -> bool:
        return self.file is not None and self.file.is_lacking


def _obstacle(folder: Path) -> str:
    """Why an archive is not possible, or empty."""
    if _wish() == "off":
        return f"{ARCHIVE_ENV} is off"
    if "SPARK_DIST_CLASSPATH" in os.environ:
        return "SPARK_DIST_CLASSPATH is set"
    places = [os.environ.get(name) for name in CONF_FOLDERS]
    places[0] = places[0] or str(folder.parent / "conf")
    for place in filter(None, places):
        if Path(place).is_dir() and any(Path(place).iterdir()):
            return (
                f"the folder {place} is on its class path, where only jars are allowed"
            )
    return ""


def _wish() -> str:
    wish = os.environ.get(ARCHIVE_ENV) or WISHES[0]
    if wish not in WISHES:
        raise ValueError(f"{ARCHIVE_ENV} must be record, use or off, got {wish!r}")
    return wish


_recorder: subprocess.Popen[bytes] | None = None
_started = 0.0


def record_beside(settings: Mapping[str, str]) -> None:
    """Start to record the archive of these settings, in parallel with this process.

    It happens once per process, with what the machine has to spare. The recorder ends
    soon after this process does. A process that ends soon pays nothing, because it
    would not live to see the archive.
    """
    global _recorder, _started  # noqa: PLW0603
    if _recorder is not None or _wish() != "record":
        return
    try:
        _recorder = start_recorder(settings, subprocess.DEVNULL, DELAY_SECONDS)
    except OSError as error:  # the session itself needs none
        log.info("no class archive is recorded for Spark's JVM: %s", error)
        return
    log.info("recording a class archive for Spark's JVM in the background")
    _started = _clock.monotonic()
    close_in_children(_recorder)


def unfinished() -> str:
    """Why a recording that this process has started is not finished yet.

    Empty if it is, or if none was started.
    """
    if _recorder is None or _recorder.poll() is not None:
        return ""
    if _clock.monotonic() - _started < DELAY_SECONDS:
        return (
            f"a run records it from {DELAY_SECONDS:g} s after Spark's start on, and "
            "this one had ended by then"
        )
    return (
        "a run records it in the background, with the CPU time that its tests leave, "
        "and this one left too little"
    )


def start_recorder(
    settings: Mapping[str, str], output: int | IO[bytes] | None, delay: float = 0
) -> subprocess.Popen[bytes]:
    """Start a process that records the archive of a session, after a delay in seconds.

    The session has these settings. The process ends when its stdin does.
    """
    recorder = subprocess.Popen(
        [sys.executable, "-m", RECORDER, str(delay)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    assert recorder.stdin is not None
    recorder.stdin.write(f"{json.dumps(dict(settings))}\n".encode())
    recorder.stdin.flush()
    return recorder
