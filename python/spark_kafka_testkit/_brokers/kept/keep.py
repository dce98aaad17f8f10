"""Finds a kept broker, starts its keeper where there is none, and ends it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from typing import cast

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers import container, embedded
from spark_kafka_testkit._brokers.broker import Backend, BrokerSettings
from spark_kafka_testkit._brokers.kept.lease import (
    HOW_TO_END,
    Kind,
    Lease,
    LeaseFile,
    Unclear,
    check_folder,
    network_name,
)
from spark_kafka_testkit._brokers.start import start_any
from spark_kafka_testkit._cache import environment
from spark_kafka_testkit.errors import BrokerStartError, BrokerStopError

__all__ = ["HOURS", "end", "keep"]

KINDS: tuple[Kind, ...] = ("container", "embedded")
HOURS = 8.0
END_SECONDS = 60.0
ANSWER_SECONDS = 2.0


def keep(
    backend: Backend, settings: BrokerSettings, seconds: float = HOURS * 3600
) -> tuple[Lease, bool]:
    """The kept broker with these settings, and whether it was up already; it is started
    where there is none.

    Its time begins anew. `auto` takes one of either kind that runs before it starts
    one.

    Raises:
        BrokerStartError: none came up.
        MissingDependencyError, JarError: as `start_own`.
    """
    if backend != "auto":
        return _keep(cast(Kind, backend), settings, seconds)
    check_folder()
    for kind in KINDS:
        lease_file = LeaseFile.of(kind, settings)
        if lease_file.file.exists():
            with lease_file.lock():
                if lease := _living(lease_file):
                    return lease, True
    return start_any(lambda chosen: _keep(cast(Kind, chosen), settings, seconds))


def _keep(kind: Kind, settings: BrokerSettings, seconds: float) -> tuple[Lease, bool]:
    lease_file = LeaseFile.of(kind, settings)
    with lease_file.lock():
        if lease := _living(lease_file):
            return lease, True
        _prepare(kind, settings)
        return _start_keeper(lease_file, kind, settings, seconds), False


def _living(lease_file: LeaseFile) -> Lease | None:
    """What is kept here, asked for anew; one that does not answer is ended."""
    lease = lease_file.current()
    if lease is None:
        return None
    if isinstance(lease, Unclear):
        raise BrokerStartError(f"{lease} {HOW_TO_END}")
    host, _, port = lease.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError:
        _end(lease_file, lease)
        return None
    lease_file.touch()
    return lease


def _prepare(kind: Kind, settings: BrokerSettings) -> None:
    """What takes long the first time is fetched here, where its progress is seen."""
    if kind == "embedded":
        embedded.prepare()
    else:
        container.prepare(settings)


def _start_keeper(
    lease_file: LeaseFile, kind: Kind, settings: BrokerSettings, seconds: float
) -> Lease:
    order = {
        "key": lease_file.key,
        "kind": kind,
        "seconds": seconds,
        "settings": asdict(
            replace(settings, reuse=False, network=network_name(settings))
        ),
    }
    with lease_file.errors.open("wb") as errors:
        lease_file.errors.chmod(0o600)
        keeper = subprocess.Popen(
            [sys.executable, "-m", "spark_kafka_testkit._brokers.kept.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            # no module of the folder where this was called is taken for another
            env={**environment(), "PYTHONSAFEPATH": "1"},
        )
    try:
        # its first process ends at once, and the pipe's other end is with the second
        answer, _ = keeper.communicate(json.dumps(order).encode())
    except (
        BaseException
    ):  # nobody wants the broker any more: see the keeper's `_answer`
        assert keeper.stdout is not None
        keeper.stdout.close()
        lease_file.clear()
        raise
    if not answer:
        said = lease_file.errors.read_text(errors="replace").strip()
        raise BrokerStartError(f"The keeper of the broker ended unexpectedly:\n{said}")
    data = json.loads(answer)
    if "error" in data:
        lease_file.clear()
        raise BrokerStartError(*data["error"])
    return Lease(**data)


def end(lease: Lease | Unclear) -> None:
    """Ends a kept broker, and returns when it is gone.

    Raises:
        BrokerStopError: its keeper did not end.
    """
    lease_file = LeaseFile(lease.key)
    with lease_file.lock():
        _end(lease_file, lease)


def _end(lease_file: LeaseFile, lease: Lease | Unclear) -> None:
    from filelock import Timeout

    lease_file.clear()
    keeper = lease_file.lock("keeper")
    _clock.keep_running("filelock")
    try:
        keeper.acquire(timeout=END_SECONDS)
    except Timeout as error:
        if isinstance(lease, Unclear):
            raise BrokerStopError(
                f"The broker of {lease.file} was told to end, and its keeper is still "
                f"there after {END_SECONDS:g} s. End the process that has "
                f"{keeper.lock_file} open."
            ) from error
        raise BrokerStopError(
            f"The broker at {lease.address} was told to end, and its keeper, process "
            f"{lease.pid}, is still there after {END_SECONDS:g} s. End it with: "
            f"kill -9 {lease.pid}"
        ) from error
    keeper.release()
