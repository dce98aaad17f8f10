"""Find a kept broker, or start one."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import cast

from spark_kafka_testkit._brokers import container, embedded
from spark_kafka_testkit._brokers.broker import Backend, BrokerSettings
from spark_kafka_testkit._brokers.kept.lease import (
    BrokerFile,
    BrokerLease,
    Kind,
    network_name,
)
from spark_kafka_testkit._brokers.start import start_any
from spark_kafka_testkit._kept.keep import living, start_keeper
from spark_kafka_testkit._kept.lease import check_folder

__all__ = ["HOURS", "keep"]

KINDS: tuple[Kind, ...] = ("container", "embedded")
KEEPER = "spark_kafka_testkit._brokers.kept.keeper"
HOURS = 8.0


def keep(
    backend: Backend, settings: BrokerSettings, seconds: float = HOURS * 3600
) -> tuple[BrokerLease, bool]:
    """The kept broker with these settings, and whether it was up already.

    It is started if there is none. Its time begins again. With `auto`, a running broker
    of either kind is used before one is started.

    Raises:
        BrokerStartError: none came up.
        MissingDependencyError, JarError: as `start_own`.
    """
    if backend != "auto":
        return _keep(cast(Kind, backend), settings, seconds)
    check_folder(BrokerLease)
    for kind in KINDS:
        lease_file = BrokerFile.of(kind, settings)
        if lease_file.file.exists():
            with lease_file.lock():
                if lease := living(lease_file):
                    return lease, True
    return start_any(lambda chosen: _keep(cast(Kind, chosen), settings, seconds))


def _keep(
    kind: Kind, settings: BrokerSettings, seconds: float
) -> tuple[BrokerLease, bool]:
    lease_file = BrokerFile.of(kind, settings)
    with lease_file.lock():
        if lease := living(lease_file):
            return lease, True
        _prepare(kind, settings)
        given = replace(settings, reuse=False, network=network_name(settings))
        order = {"kind": kind, "seconds": seconds, "settings": asdict(given)}
        return start_keeper(lease_file, KEEPER, order), False


def _prepare(kind: Kind, settings: BrokerSettings) -> None:
    """Fetch here what takes long the first time, so that its progress is visible."""
    if kind == "embedded":
        embedded.prepare()
    else:
        container.prepare(settings)
