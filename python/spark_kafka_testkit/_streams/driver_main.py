"""What a `DriverProcess` runs.

It receives its task over stdin. When stdin ends, it ends too, with everything that it
has started.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._spark.attach import new_session
from spark_kafka_testkit._spark.session import OWN_CONF, session_settings
from spark_kafka_testkit._streams.driver_process import FAILED


def main() -> None:
    """Run the job until the process is killed, or has lost its owner."""
    path, conf, job = pickle.load(sys.stdin.buffer)  # noqa: S301  from our parent
    threading.Thread(target=_end_with_owner, daemon=True).start()
    sys.path[:] = path
    try:
        begin = pickle.loads(job)  # noqa: S301  as above
        spark = new_session(session_settings({**OWN_CONF, **conf}, reuse=False))
        query = _arguments.followed_query(
            "the result of the function", begin(spark), "return"
        )
        query.awaitTermination()
    except BaseException:  # noqa: BLE001  it is reported, and the process is killed anyway
        traceback.print_exc()
    sys.stderr.flush()
    os.write(1, f"{FAILED}\n".encode())
    while True:
        signal.pause()


def _end_with_owner() -> None:
    os.read(sys.stdin.fileno(), 1)  # without a lock, which the exit would wait for
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
