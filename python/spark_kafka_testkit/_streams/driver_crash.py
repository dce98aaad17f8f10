"""The crash of a driver: a Spark that is started for the purpose, and killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from spark_kafka_testkit._queries.batch_log import BatchLog
from spark_kafka_testkit._streams.crash_points import NOTHING_SENT
from spark_kafka_testkit._streams.driver_process import DriverProcess, pickled
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import WaitError

__all__ = ["InDriver", "driver_settings"]

LOOK_SECONDS = 0.001
PASSED_ON = ("spark.sql.", "spark.hadoop.", "spark.jars.packages")
HIDDEN = "*********(redacted)"


class InDriver:
    """Runs the batch in another process, which is killed as soon as the batch begins.

    The sink then has none of the batch, a part, or all of it. A fault keeps the batch
    from being committed before the process is killed.

    Args:
        log: the log of the job's checkpoint, which no query of this process uses any
            more.
        job: the function that starts the job.
        conf: settings of its session.
        timeout: the seconds within which the batch must begin.
    """

    def __init__(
        self,
        log: BatchLog,
        job: Callable[[Any], Any],
        conf: Mapping[str, str],
        timeout: float,
    ) -> None:
        self.log = log
        self._job, self._conf, self._timeout = pickled(job), conf, timeout
        self._batch, self.process_id = -1, -1

    def set(self, batch: int) -> None:
        self.log.set_fault("commits", batch)
        self._batch = batch

    def run(self) -> None:
        """Run the batch, and kill the process.

        Raises:
            WaitError: the batch did not begin.
        """
        process = DriverProcess(self._job, self._conf)
        try:
            pauses = Pauses(self._timeout)
            while not self.log.has("offsets", self._batch):
                if process.has_failed:
                    raise WaitError(
                        "The job ended in its own process before its batch began. Its "
                        "last lines are below. Does the function start the query with "
                        "the session that it is given?\n"
                        f"{process.last_lines}"
                    )
                if pauses.is_over:
                    raise WaitError(
                        "The crash 'driver' did not happen: no batch began within "
                        f"{self._timeout:g} s.\n"
                        f"{NOTHING_SENT}"
                    )
                time.sleep(LOOK_SECONDS)
        finally:
            process.kill()
        self.process_id = process.id

    def has_come(self, _death: str) -> bool:
        return self.process_id > 0

    def clear(self) -> None:
        if self.log.has_fault("commits", self._batch):
            self.log.forget_commit(self._batch)
        self.log.clear_fault("commits", self._batch)


def driver_settings(spark: Any) -> dict[str, str]:
    """The settings of a session that another session needs for the same job."""
    rows = spark.sql("SET").collect()
    settings = {
        row[0]: row[1]
        for row in rows
        if row[0].startswith(PASSED_ON) and row[1] != HIDDEN
    }
    master = spark.conf.get("spark.master", "")
    if master.startswith("local"):
        settings["spark.master"] = master
    return settings
