"""A kept broker that one run uses."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spark_kafka_testkit._brokers.broker import Backend, Broker, BrokerSettings, Look
from spark_kafka_testkit._brokers.kept.keep import keep
from spark_kafka_testkit._brokers.kept.lease import BrokerFile, BrokerLease
from spark_kafka_testkit._brokers.start import start_own
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.topics import delete_topics
from spark_kafka_testkit._model.client_config import ClientConfig

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["KeptBroker", "take"]

log = logging.getLogger("spark_kafka_testkit")


def take(backend: Backend, settings: BrokerSettings) -> Broker:
    """Take the kept broker for one run, without topics.

    If another run uses it, this run gets a broker of its own.

    Raises:
        BrokerStartError: none came up.
        MissingDependencyError, JarError: as `start_own`.
    """
    from filelock import Timeout

    lease, _ = keep(backend, settings)
    lease_file = BrokerFile(lease.key)
    use = lease_file.lock("use")
    try:
        with lease_file.lock():  # otherwise a process that only looks might hold it
            use.acquire(blocking=False)
    except Timeout:
        log.info(
            "another run uses the kept broker at %s, so this one starts its own",
            lease.address,
        )
        return start_own(backend, replace(settings, reuse=False))
    try:
        if names := lease_file.noted_topics():  # left by a run that was killed
            _remove_topics(lease.address, names)
            lease_file.topics.unlink()
        lease_file.note_user()
    except BaseException:
        use.release()
        raise
    return KeptBroker(lease_file, lease, use)


class KeptBroker:
    """A kept broker that one run uses.

    `stop()` removes the topics of the run and leaves the broker running.
    """

    is_visited = False

    def __init__(
        self, lease_file: BrokerFile, lease: BrokerLease, use: BaseFileLock
    ) -> None:
        self._lease_file, self._lease, self._use = lease_file, lease, use
        self.backend: str = lease.kind
        self.bootstrap_servers = lease.address
        self.network_broker = lease.network_broker
        self._leaves_topics = False
        self._look = Look(self._how_it_ended)

    @property
    def name(self) -> str:
        """A readable name."""
        return f"{self._lease.name}, kept"

    @property
    def ended(self) -> str:
        """How it has ended, which shows in its keeper: that ends with it."""
        return self._look.ended()

    def _how_it_ended(self) -> str:
        if self._lease_file.is_held("keeper"):
            return ""
        return f"its keeper (pid {self._lease.pid}) has ended, and the broker with it"

    def describe(self) -> str:
        return f"{self._lease.description}, kept"

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the broker's log, or for a container how to see them."""
        if self._lease.log is None:
            return f"(see: docker logs {self._lease.container})"
        try:
            text = Path(self._lease.log).read_text("utf-8", "replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])

    def note_topics(self, names: Collection[str]) -> None:
        self._lease_file.note_topics(names)

    def leave_topics(self) -> None:
        """Make `stop()` leave the topics of this run, for the next run to remove."""
        self._leaves_topics = True

    def stop(self) -> None:
        if not self._use.is_locked:
            return
        try:
            names = self._lease_file.noted_topics()
            if names and not self._leaves_topics:
                _remove_topics(self.bootstrap_servers, names)
                self._lease_file.topics.unlink()
            self._lease_file.user.unlink(missing_ok=True)
            self._lease_file.touch()
        finally:
            self._use.release()


def _remove_topics(bootstrap_servers: str, names: list[str]) -> None:
    with Admin(ClientConfig(bootstrap_servers)) as admin:
        delete_topics(admin, names)
