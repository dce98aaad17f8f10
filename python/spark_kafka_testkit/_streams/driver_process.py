"""A process with its own Spark, in which a job runs until it is killed.

See `driver_main`.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

__all__ = ["FAILED", "DriverProcess", "pickled"]

MAIN = "spark_kafka_testkit._streams.driver_main"
FAILED = "spark-kafka-testkit: the job has ended"
LAST_LINES = 15
END_SECONDS = 20.0
# These name a Spark that this process is connected to, and that must not be killed.
OF_OTHERS = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


class DriverProcess:
    """A process that runs a job with its own Spark.

    Args:
        job: the result of `pickled` for a function that takes a session, starts a query
            and returns it.
        conf: settings of the session.

    Attributes:
        id: the id of the process, and of its group.
    """

    def __init__(self, job: bytes, conf: Mapping[str, str]) -> None:
        task = pickle.dumps((sys.path, dict(conf), job))
        environment = {n: v for n, v in os.environ.items() if n not in OF_OTHERS}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-m", MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # so that all of it is killed at once
        )
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self.id = self._process.pid
        self._has_failed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: the caller will find out
            self._process.stdin.write(task)
            self._process.stdin.flush()

    @property
    def has_failed(self) -> bool:
        """Whether the query or the process has ended."""
        return self._has_failed.is_set() or self._process.poll() is not None

    @property
    def last_lines(self) -> str:
        """The last lines that it printed."""
        if not self._has_failed.is_set():
            self._reader.join(END_SECONDS)
        return "\n".join(f"  {line}" for line in list(self._lines)) or "  nothing"

    def kill(self) -> None:
        """Kill it and its Spark, and return when they are gone.

        A second call does nothing.
        """
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # Spark's JVM and its workers hold the pipe open until they have ended
        self._reader.join(END_SECONDS)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for data in output:
                line = data.decode(errors="replace").rstrip()
                if line == FAILED:
                    self._has_failed.set()
                elif line:
                    self._lines.append(line)


def pickled(job: Callable[[Any], Any]) -> bytes:
    """The function in the form in which it goes to another process.

    Raises:
        TypeError: it can't be sent there.
    """
    from pyspark import cloudpickle

    dumps: Callable[[Any], bytes] = cloudpickle.dumps
    try:
        return dumps(job)
    except Exception as error:
        raise TypeError(
            "The function that starts the job can't be sent to the process that "
            f"crash('driver') kills: {error}. It takes the session as its argument. "
            "Anything else it needs must be plain values, such as "
            "kafka.spark_options(), not a KafkaUtils or a session."
        ) from error
