"""The main module of a broker's keeper.

If the keeper is killed, testcontainers' reaper removes its container.
"""

from __future__ import annotations

import os
from typing import Any

from spark_kafka_testkit import _clock
from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.kept.lease import BrokerFile, BrokerLease
from spark_kafka_testkit._brokers.start import start_own
from spark_kafka_testkit._kept.keeper import serve
from spark_kafka_testkit._kept.lease import LeaseFile
from spark_kafka_testkit._version import __version__


class _KeptBroker:
    def __init__(self, _: LeaseFile[BrokerLease], order: dict[str, Any]) -> None:
        self._order = order
        self._broker = start_own(order["kind"], BrokerSettings(**order["settings"]))
        self._started = _clock.now()

    @property
    def ended(self) -> str:
        return self._broker.ended

    def lease(self) -> BrokerLease:
        broker = self._broker
        return BrokerLease(
            key=self._order["key"],
            kind=self._order["kind"],
            address=broker.bootstrap_servers,
            network_broker=broker.network_broker,
            name=broker.name,
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            seconds=self._order["seconds"],
            log=broker.log_file,
            container=broker.container_id,
        )

    def tidy(self) -> bool:
        """Leave the topics of a killed run to the next run."""
        return False

    def replace(self) -> bool:
        """Replace nothing, because the data is gone: runs start another, and say so."""
        return False

    def stop(self) -> None:
        self._broker.stop()


if __name__ == "__main__":
    serve(BrokerFile, _KeptBroker)
