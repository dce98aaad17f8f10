"""Find what is kept, start its keeper if there is none, and end it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._cache import environment
from spark_kafka_testkit._kept.lease import HOW_TO_END, LeaseFile, LeaseType, Unclear

__all__ = ["end", "end_here", "living", "start_keeper"]

END_SECONDS = 60.0


def living(lease_file: LeaseFile[LeaseType]) -> LeaseType | None:
    """What is kept here, with its time begun again, or None. Call it with the lock.

    What does not answer is ended.

    Raises:
        KafkaTestkitError: its state file can't be understood.
    """
    lease = lease_file.current()
    if lease is None:
        return None
    if isinstance(lease, Unclear):
        raise lease_file.kind.start_error(f"{lease} {HOW_TO_END}")
    if not lease.answers():
        end_here(lease_file, lease)
        return None
    lease_file.touch()
    return lease


def start_keeper(
    lease_file: LeaseFile[LeaseType], module: str, order: Mapping[str, Any]
) -> LeaseType:
    """Start the keeper, and return when what it keeps is up. Call it with the lock.

    Args:
        lease_file: the file where others will find it.
        module: the keeper's main module.
        order: what to keep, for `keeper.serve`.

    Raises:
        KafkaTestkitError: it did not come up.
    """
    kind = lease_file.kind
    with lease_file.errors.open("wb") as file:
        lease_file.errors.chmod(0o600)
        file.flush()
    with lease_file.errors.open("ab") as errors:
        keeper = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            # a module in the current folder must not be mistaken for another
            env={**environment(), "PYTHONSAFEPATH": "1"},
        )
    try:
        # its first process ends at once, and the second holds the other end of the pipe
        answer, _ = keeper.communicate(
            json.dumps({**order, "key": lease_file.key}).encode()
        )
    except BaseException:  # nobody wants it any more: see the keeper's `_answer`
        assert keeper.stdout is not None
        keeper.stdout.close()
        lease_file.clear()
        raise
    if not answer:
        said = lease_file.errors.read_text(errors="replace").strip()
        raise kind.start_error(
            f"The keeper of the {kind.noun} ended unexpectedly:\n{said}"
        )
    data = json.loads(answer)
    if "error" in data:
        lease_file.clear()
        raise kind.start_error(*data["error"])
    return kind(**data)


def end(lease_file: LeaseFile[LeaseType], lease: LeaseType | Unclear) -> None:
    """End what is kept here, and return when it is gone.

    Raises:
        KafkaTestkitError: its keeper did not end.
    """
    with lease_file.lock():
        end_here(lease_file, lease)


def end_here(lease_file: LeaseFile[LeaseType], lease: LeaseType | Unclear) -> None:
    """Do the same as `end`, for a caller that has the lock."""
    from filelock import Timeout

    lease_file.clear()
    keeper = lease_file.lock("keeper")
    _clock.keep_running("filelock")
    try:
        keeper.acquire(timeout=END_SECONDS)
    except Timeout as error:
        noun = lease_file.kind.noun
        if isinstance(lease, Unclear):
            raise lease_file.kind.stop_error(
                f"The {noun} of {lease.file} was asked to end, but its keeper is still "
                f"running after {END_SECONDS:g} s. End the process that has "
                f"{keeper.lock_file} open."
            ) from error
        raise lease_file.kind.stop_error(
            f"The {noun} {lease.where} was asked to end, but its keeper, process "
            f"{lease.pid}, is still running after {END_SECONDS:g} s. End it with: kill "
            f"-9 {lease.pid}"
        ) from error
    keeper.release()
