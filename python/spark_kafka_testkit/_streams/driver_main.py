"""What a `DriverProcess` runs. What it is to do comes over stdin, and when that ends it
ends too, with all that it has started.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading

from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._spark.attach import new_session
from spark_kafka_testkit._spark.session import OWN_CONF, session_settings
from spark_kafka_testkit._streams.driver_process import READY
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit._waits.queries import wait_for_query_alive


def main() -> None:
    """Runs the job until the process is killed, or has no owner any more."""
    path, conf, job, timeout = pickle.load(sys.stdin.buffer)  # noqa: S301  our parent's
    threading.Thread(target=_end_with_owner, daemon=True).start()
    sys.path[:] = path
    begin = pickle.loads(job)  # noqa: S301  as above
    spark = new_session(session_settings({**OWN_CONF, **conf}, reuse=False))
    query = begin(spark)
    wait_for_query_alive(query, timeout)
    state, pauses = QueryState(query), Pauses(timeout)
    while not (state.is_resting and state.progress is not None):
        state.raise_if_dead()
        if not state.is_active:
            raise RuntimeError("the job's query has ended by itself")
        if pauses.is_over:
            raise RuntimeError(f"the job's query did not come to rest: {state.message}")
        pauses.rest()
    os.write(1, f"{READY}\n".encode())
    while True:
        signal.pause()


def _end_with_owner() -> None:
    os.read(sys.stdin.fileno(), 1)  # without a lock, which an end would wait for
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
