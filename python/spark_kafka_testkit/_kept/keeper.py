"""The process that owns what is kept, started by `keep.start_keeper`.

It reads an order from its stdin and answers with one line. It stays until its state
file is gone, its time is up, a signal comes, or what it keeps ends. While it is
starting, it also ends if whoever gave the order is gone. If it is killed, whatever
lives by its stdin dies too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from spark_kafka_testkit import _clock
from spark_kafka_testkit._kept.lease import (
    HOW_TO_END,
    Lease,
    LeaseFile,
    LeaseType,
    Unclear,
)
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["Kept", "serve"]

TICK_SECONDS = 0.25
USED_SECONDS = 1.0
LOOK_SECONDS = 5.0


class Kept(Protocol):
    """Something that a keeper keeps."""

    @property
    def ended(self) -> str:
        """How it has ended, or empty while it runs."""

    def lease(self) -> Lease:
        """Its current lease."""

    def tidy(self) -> bool:
        """Remove what a run has left, and return whether the lease has changed."""

    def replace(self) -> bool:
        """Start another after this has ended, or return False to try nothing."""

    def stop(self) -> None:
        """End it."""


def serve(
    place: Callable[[str], LeaseFile[LeaseType]],
    start: Callable[[LeaseFile[LeaseType], dict[str, Any]], Kept],
) -> None:
    """Read the order, go into the background, and keep what `start` starts."""
    order = json.load(sys.stdin)
    if os.fork():
        os._exit(0)  # double fork: init adopts the grandchild and reaps it
    lease_file = place(order["key"])
    _keep(lease_file, lambda: start(lease_file, order))


def _keep(lease_file: LeaseFile[Any], start: Callable[[], Kept]) -> None:
    from filelock import Timeout

    alive = lease_file.lock("keeper")
    while True:
        try:
            alive.acquire(timeout=TICK_SECONDS)
            break
        except Timeout:
            lease = lease_file.read()  # whoever asked for another keeper has died
            if isinstance(lease, Unclear):
                _answer({"error": (f"{lease} {HOW_TO_END}",)})
                return
            if lease is not None:
                _answer(asdict(lease))
                return
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    try:
        kept = start()
    except KafkaTestkitError as error:
        _answer({"error": lease_file.kind.parts_of(error)})
        return
    try:
        if _is_awaited():  # otherwise the user has changed their mind
            lease = kept.lease()
            lease_file.write(lease)
            if _answer(asdict(lease)):
                os.chdir("/")
                _wait(lease_file, lease.seconds, kept, told)
    finally:
        lease_file.clear()
        kept.stop()
        alive.release()


def _is_awaited() -> bool:
    """Whether whoever asked still waits at the other end of the pipe."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)  # errors, which are always reported
    return not pipe.poll(0)


def _answer(answer: dict[str, Any]) -> bool:
    """Answer, and close the pipe because whoever asked waits for its end.

    Returns:
        Whether whoever asked was still there.
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
    lease_file: LeaseFile[Any], seconds: float, kept: Kept, told: threading.Event
) -> None:
    looked = _clock.monotonic()
    while not told.wait(TICK_SECONDS) and lease_file.file.exists():
        # in use by a run, or by one that has ended
        pause = USED_SECONDS if lease_file.user.exists() else LOOK_SECONDS
        if _clock.monotonic() - looked < pause:
            continue
        looked = _clock.monotonic()
        if _look(lease_file, seconds, kept):
            return


def _look(lease_file: LeaseFile[Any], seconds: float, kept: Kept) -> bool:
    """Replace what has ended, tidy up behind a run, and check whether to end.

    If there is nothing left to keep, the state file is removed, so that nobody finds
    what is about to end.
    """
    from filelock import Timeout

    look = lease_file.lock()
    try:
        look.acquire(blocking=False)
    except Timeout:
        return False  # the holder asks for it, or waits until it has ended
    try:
        if not lease_file.file.exists():
            return True
        is_other = False
        if kept.ended:
            if not kept.replace():
                lease_file.file.unlink(missing_ok=True)
                return True
            is_other = True
        is_used = lease_file.is_held("use")
        if lease_file.user.exists() and not is_used:
            is_other |= kept.tidy()
            lease_file.user.unlink(missing_ok=True)
            lease_file.touch()
        if is_other:
            lease_file.write(kept.lease())
        if is_used or lease_file.idle_seconds() <= seconds:
            return False
        lease_file.file.unlink()
    except FileNotFoundError:
        return True
    finally:
        look.release()
    return True
