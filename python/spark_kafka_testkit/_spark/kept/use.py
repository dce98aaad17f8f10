"""A kept Spark that one process uses."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.kept_jvm import KeptJvm
from spark_kafka_testkit._jvm.spark_jvm import CONNECTOR_CLASS, finds_class
from spark_kafka_testkit._kept.keep import end_here, living, start_keeper
from spark_kafka_testkit._kept.lease import Unclear
from spark_kafka_testkit._progress import working
from spark_kafka_testkit._spark.conf import plan, spark_conf
from spark_kafka_testkit._spark.kept.lease import (
    JVM_SETTINGS,
    SparkFile,
    SparkLease,
    differences,
    facts,
)
from spark_kafka_testkit._spark.loopback import is_local
from spark_kafka_testkit._spark.worker_sockets import FOLDER_SETTING
from spark_kafka_testkit._text import listed
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["Use", "keep", "misfits", "take", "wish_for_kept"]

log = logging.getLogger("spark_kafka_testkit")

KEEPER = "spark_kafka_testkit._spark.kept.keeper"


def keep(conf: Mapping[str, str], seconds: float) -> tuple[SparkLease, str]:
    """The kept Spark for this working directory, and how it was found.

    The second value is `"found"`, `"started"`, or `"replaced: "` followed by how the
    previous one differed.

    Args:
        conf: settings of the JVM, and of the contexts that runs make.
        seconds: how long it stays if nobody asks for it.

    Raises:
        SparkSetupError: none came up, or the existing one differs and is in use.
    """
    wanted = {"spark.master": "local[2]", **conf}
    settings, _ = plan(wanted)
    needed = facts(settings)
    lease_file = SparkFile.here()
    how = "started"
    with lease_file.lock():
        lease = living(lease_file)
        if lease is not None:
            differing = differences(lease.facts, needed)
            if not differing:
                return lease, "found"
            if user := lease_file.user_now():
                raise SparkSetupError(
                    f"{lease.description}, has a different {listed(differing)}, and is "
                    f"in use by {user}. End it with: spark-kafka-testkit down --force"
                )
            end_here(lease_file, lease)
            how = f"replaced: the previous one had a different {listed(differing)}"
        order = {
            "seconds": seconds,
            "safe_path": "PYTHONSAFEPATH" in os.environ,
            "settings": spark_conf(wanted),
            "facts": needed,
        }
        start = f"Starting a Spark for test runs in {Path.cwd()}"
        with working(start, "Started it"):
            return start_keeper(lease_file, KEEPER, order), how


@dataclass
class Use:
    """The result of the wish to use a kept Spark.

    Attributes:
        text: a description for the user.
        lease: the one that this process uses now, or None.
        settings: the settings for a context there.
    """

    text: str
    lease: SparkLease | None = None
    settings: dict[str, str] = field(default_factory=dict)


_use: Use | None = None
_held: BaseFileLock | None = None  # until this process ends, as Spark's JVM is its own


def take(conf: Mapping[str, str]) -> Use | None:
    """Connect this process to the kept Spark of its working directory.

    Its classic sessions are then made there. None if nothing is kept, if this process
    has a JVM of Spark already, or if the session should not be local.
    """
    global _use  # noqa: PLW0603  a process has one JVM of Spark
    if finds_class(CONNECTOR_CLASS) is not None:
        return None
    wanted = {"spark.master": "local[2]", **conf}
    if not is_local(wanted["spark.master"]):
        return None
    try:
        lease_file = SparkFile.here()
        if not lease_file.file.exists():
            return None
        _use = _taken(lease_file, wanted)
    except Exception as error:  # noqa: BLE001  py4j's, too: the user's own Spark works
        _use = Use(f"its own Spark, because the kept one can't be used: {error}")
    if _use is not None:
        log.info("the session is in %s", _use.text)
    return _use


def misfits(lease_file: SparkFile) -> list[str]:
    """What a run with default settings has different from what is kept there."""
    lease = lease_file.read()
    if not isinstance(lease, SparkLease):
        return []
    settings, _ = plan({"spark.master": "local[2]"})
    return differences(lease.facts, facts(settings))


def wish_for_kept() -> str:
    """The result of this process's wish to use a kept Spark.

    Empty if it did not want one, or if none was kept.
    """
    return "" if _use is None else _use.text


def _taken(lease_file: SparkFile, conf: Mapping[str, str]) -> Use | None:
    from filelock import Timeout

    global _held  # noqa: PLW0603
    with lease_file.lock():
        lease = lease_file.current()
        if lease is None:
            return None
        if isinstance(lease, Unclear):
            return Use(f"its own Spark: {lease}")
        settings, _ = plan(conf)
        if differing := differences(lease.facts, facts(settings)):
            return Use(
                "its own Spark, because the kept one has a different "
                f"{listed(differing)}. To replace it, run up --spark here"
            )
        use = lease_file.lock("use")
        try:
            use.acquire(blocking=False)
        except Timeout:
            return Use(
                "its own Spark, because the kept one is in use by "
                f"{lease_file.user_now()}"
            )
        try:
            jvm = KeptJvm.connect(lease.port, lease.secret)
            if lease_file.user.exists():  # a run has just ended, or was killed
                jvm.tidy()
            lease_file.note_user()
            lease_file.touch()
            jvm.use()  # last: after it, sessions are made there
        except BaseException:
            use.release()
            raise
    _held = use
    own = {name: value for name, value in settings.items() if name not in JVM_SETTINGS}
    if lease.sockets:
        own[FOLDER_SETTING] = lease.sockets
    return Use(f"the kept {lease.name} (keeper: process {lease.pid})", lease, own)
