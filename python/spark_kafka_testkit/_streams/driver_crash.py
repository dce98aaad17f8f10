"""The crash of a driver: a Spark that is started for it, and killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from spark_kafka_testkit._queries.batch_log import BatchLog
from spark_kafka_testkit._streams.crash_points import NOTHING_SENT
from spark_kafka_testkit._streams.driver_process import DriverProcess
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import WaitError

__all__ = ["InDriver", "driver_settings"]

LOOK_SECONDS = 0.001
PASSED_ON = ("spark.sql.", "spark.hadoop.", "spark.jars.packages")
HIDDEN = "*********(redacted)"


class InDriver:
    """The process is killed as soon as the batch has begun: the sink has nothing of it
    then, a part, or all. That it be committed before it is killed is kept from
    happening.

    Args:
        log: of the job's checkpoint, which no query of this process uses any more.
        job: the function that starts it.
        conf: settings of its session.
        timeout: seconds, for each wait.
    """

    def __init__(
        self,
        log: BatchLog,
        job: Callable[[Any], Any],
        conf: Mapping[str, str],
        timeout: float,
    ) -> None:
        self.log, self._timeout = log, timeout
        self._batch, self._is_killed = -1, False
        self._process = DriverProcess(job, conf, timeout)
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.kill()
            raise

    def set(self, batch: int) -> None:
        self.log.set_fault("commits", batch)
        self._batch = batch

    def has_come(self, _death: str) -> bool:
        return self._is_killed

    def wait(self) -> None:
        """Waits until the batch has begun, and kills the process.

        Raises:
            WaitError: none did.
        """
        pauses = Pauses(self._timeout)
        while not self.log.has("offsets", self._batch):
            if self._process.has_ended:
                raise WaitError(self._told("ended by itself before its batch began"))
            if pauses.is_over:
                raise WaitError(
                    f"The crash 'driver' did not come: no batch began within "
                    f"{self._timeout:g} s.\n{NOTHING_SENT}"
                )
            time.sleep(LOOK_SECONDS)
        self._process.kill()
        self._is_killed = True

    def clear(self) -> None:
        self._process.kill()
        if self._batch < 0:
            return
        if self.log.has_fault("commits", self._batch):
            self.log.forget_commit(self._batch)
        self.log.clear_fault("commits", self._batch)

    def _wait_until_ready(self) -> None:
        pauses = Pauses(self._timeout)
        while not self._process.is_ready:
            if self._process.has_ended:
                raise WaitError(self._told("ended before its query waited for data"))
            if pauses.is_over:
                raise WaitError(
                    self._told(
                        f"had no query that waits for data in {self._timeout:g} s"
                    )
                )
            pauses.rest()

    def _told(self, what: str) -> str:
        return (
            f"The job in a process of its own {what}; its last lines are below. Does "
            "the function start the query by the session that it is given?\n"
            f"{self._process.last_lines}"
        )


def driver_settings(spark: Any) -> dict[str, str]:
    """Of a session those that another is to have for the same job."""
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
