"""Which client a call goes through."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spark_kafka_testkit import _gateway
from spark_kafka_testkit.clients import Client

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit.clients.jvm import JvmClient
    from spark_kafka_testkit.clients.kafka_python import KafkaPythonClient

__all__ = ["Clients"]

log = logging.getLogger("spark_kafka_testkit")


class Clients:
    """The clients of one cluster, each made when first needed and kept."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._jvm: JvmClient | None = None
        self._kafka_python: KafkaPythonClient | None = None
        self._announced: str | None = None

    def choose(self, spark: SparkSession | None) -> Client:
        """The helper's client where the session (given, else active) has the helper,
        else kafka-python's; a change is logged.
        """
        client, reason = self._choose(spark)
        if client.name != self._announced:
            log.info(
                "records go through %s%s", client.name, f": {reason}" if reason else ""
            )
            self._announced = client.name
        return client

    def made(self) -> list[Client]:
        """The clients there are."""
        return [
            client for client in (self._jvm, self._kafka_python) if client is not None
        ]

    def _choose(self, spark: SparkSession | None) -> tuple[Client, str]:
        session = (
            spark
            if spark is not None and _gateway.jvm_of(spark) is not None
            else _gateway.active_session()
        )
        if session is None:
            return self._by_kafka_python(), "no classic Spark session is active"
        if self._jvm is not None and self._jvm.helper.jvm_key == _gateway.jvm_key(
            session
        ):
            return self._jvm, ""
        self._jvm = None  # its JVM has gone, and its clients with it
        helper, reason = _gateway.find_helper(session)
        if helper is None:
            return self._by_kafka_python(), reason
        from spark_kafka_testkit.clients.jvm import JvmClient

        self._jvm = JvmClient(helper, self._bootstrap_servers)
        return self._jvm, ""

    def _by_kafka_python(self) -> KafkaPythonClient:
        from spark_kafka_testkit.clients.kafka_python import KafkaPythonClient

        if self._kafka_python is None:
            self._kafka_python = KafkaPythonClient(self._bootstrap_servers)
        return self._kafka_python
