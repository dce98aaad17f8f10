"""The process that owns a kept broker; `keep` starts it.

It takes an order on its stdin, answers with one line, and stays until its state file is
gone, its time is up, a signal comes, or the broker ends; or, while it starts, until who
gave the order is gone. Killed, it takes an embedded broker with it, whose stdin it
holds, and leaves a container to testcontainers' reaper.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from dataclasses import asdict
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers.broker import BrokerSettings, OwnBroker
from spark_kafka_testkit._brokers.kept.lease import (
    HOW_TO_END,
    Lease,
    LeaseFile,
    Unclear,
)
from spark_kafka_testkit._brokers.start import start_own
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import BrokerStartError, KafkaTestkitError

__all__ = ["main"]

TICK_SECONDS = 0.25
LOOK_SECONDS = 5.0


def main() -> None:
    """Reads the order, goes into the background, and keeps the broker."""
    order = json.load(sys.stdin)
    if os.fork():
        os._exit(0)  # the second process is nobody's child: none must wait for it
    _keep(order)


def _keep(order: dict[str, Any]) -> None:
    from filelock import Timeout

    lease_file = LeaseFile(order["key"])
    alive = lease_file.lock("keeper")
    while True:
        try:
            alive.acquire(timeout=TICK_SECONDS)
            break
        except Timeout:
            kept = lease_file.read()  # where whoever asked for another keeper has died
            if isinstance(kept, Unclear):
                _answer({"error": (f"{kept} {HOW_TO_END}", "")})
                return
            if kept is not None:
                _answer(asdict(kept))
                return
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    try:
        broker = start_own(order["kind"], BrokerSettings(**order["settings"]))
    except KafkaTestkitError as error:
        _answer({"error": BrokerStartError.parts(error)})
        return
    try:
        if _is_awaited():  # else the user has thought better of it
            lease = _lease(order, broker)
            lease_file.write(lease)
            if _answer(asdict(lease)):
                os.chdir("/")
                _wait(lease_file, lease, broker, told)
    finally:
        lease_file.clear()
        broker.stop()
        alive.release()


def _lease(order: dict[str, Any], broker: OwnBroker) -> Lease:
    return Lease(
        key=order["key"],
        kind=order["kind"],
        address=broker.bootstrap_servers,
        network_broker=broker.network_broker,
        name=broker.name,
        version=__version__,
        pid=os.getpid(),
        started=_clock.now(),
        seconds=order["seconds"],
        log=broker.log_file,
        container=broker.container_id,
    )


def _is_awaited() -> bool:
    """Whether who asked waits at the other end of the pipe."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)  # errors, which need no asking for
    return not pipe.poll(0)


def _answer(answer: dict[str, Any]) -> bool:
    """Answers, and lets go of the pipe: who asked waits for its end.

    Returns:
        Whether who asked was still there.
    """
    is_awaited = True
    try:
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        is_awaited = False
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    return is_awaited


def _wait(
    lease_file: LeaseFile, lease: Lease, broker: OwnBroker, told: threading.Event
) -> None:
    looked = _clock.monotonic()
    while not told.wait(TICK_SECONDS) and lease_file.file.exists():
        if _clock.monotonic() - looked < LOOK_SECONDS:
            continue
        looked = _clock.monotonic()
        if broker.ended or _is_over(lease_file, lease):
            return


def _is_over(lease_file: LeaseFile, lease: Lease) -> bool:
    """Whether the time is up; if so, the state file is removed.

    So none finds a broker that is about to end.
    """
    from filelock import Timeout

    look = lease_file.lock()
    try:
        look.acquire(timeout=0)
    except Timeout:
        return False  # who holds it asks for the broker, or waits until it has ended
    try:
        over = lease_file.idle_seconds() > lease.seconds and not lease_file.is_held(
            "use"
        )
        if over:
            lease_file.file.unlink()
    except FileNotFoundError:
        return True
    finally:
        look.release()
    return over


if __name__ == "__main__":
    main()
