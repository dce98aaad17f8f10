"""Choose the client for a call."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._clients.jvm import JvmClient
from spark_kafka_testkit._clients.kafka_python import KafkaPythonClient
from spark_kafka_testkit._clients.protocol import Client
from spark_kafka_testkit._jvm.helper import Helper
from spark_kafka_testkit._jvm.own_helper import CLIENT_ENV, own_helper
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm, is_connect
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._spark.pairing import unreachable, warn
from spark_kafka_testkit.errors import HelperError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Clients"]

log = logging.getLogger("spark_kafka_testkit")


class Clients:
    """The clients of one cluster, each made when it is first needed and then kept.

    Args:
        config: how to reach the cluster.
        check_usable: raises if the cluster can't be used any more: a BrokerEndedError,
            or another error if it was closed.
    """

    def __init__(
        self, config: ClientConfig, check_usable: Callable[[], None] = lambda: None
    ) -> None:
        self._config, self._check_usable = config, check_usable
        self._sessions: JvmClient | None = None
        self._own: JvmClient | None = None
        self._kafka_python: KafkaPythonClient | None = None
        self._looked = False
        self._announced: tuple[str, str] | None = None

    def choose(self, spark: SparkSession | None) -> Client:
        """Choose the client, and log a change.

        The first choice is the helper in the JVM of the session (the given one, else
        the active one). The second is the helper in a JVM that the kit starts, and the
        third is kafka-python. SPARK_KAFKA_TESTKIT_CLIENT can ask for one of them.

        Raises:
            HelperError: the variable asks for `jvm`, and the helper is not available.
            ValueError: the variable asks for something else.
        """
        if spark is not None and is_connect(spark):
            self._warn_once(spark)
        asked = os.environ.get(CLIENT_ENV) or None
        if asked not in (None, "jvm", "kafka-python"):
            raise ValueError(
                _arguments.unknown(CLIENT_ENV, asked, ("jvm", "kafka-python"))
            )
        if asked == "kafka-python":
            reason = f"{CLIENT_ENV} asks for it"
            client: Client = self._by_kafka_python()
        else:
            client, reason = self._choose(spark)
            if asked == "jvm" and client.name != asked:
                raise HelperError(f"{CLIENT_ENV} is 'jvm', but {reason}")
        if (client.name, reason) != self._announced:
            self._announced = (client.name, reason)
            log.info(
                "records go through %s%s", client.name, f": {reason}" if reason else ""
            )
        return client

    def _warn_once(self, spark: SparkSession) -> None:
        if not self._looked:
            self._looked = True
            warn(unreachable(spark, str(self._config)))

    def made(self) -> list[Client]:
        """The clients made so far."""
        made = (self._sessions, self._own, self._kafka_python)
        return [client for client in made if client is not None]

    def _choose(self, spark: SparkSession | None) -> tuple[Client, str]:
        jvm = SparkJvm.of(spark) or SparkJvm.active()
        if jvm is None:
            return self._by_own_jvm("no classic Spark session is active")
        if not _is_in(self._sessions, jvm.key):
            self._sessions = None  # its JVM is gone, and its clients with it
            helper, reason = jvm.find_helper()
            if helper is None:
                return self._by_own_jvm(reason)
            self._sessions = self._by_helper(helper)
        assert self._sessions is not None
        return self._sessions, ""

    def _by_own_jvm(self, why: str) -> tuple[Client, str]:
        helper, reason = own_helper()
        if helper is None:
            because = f"{why}, and the kit can't start its own JVM: {reason}"
            return self._by_kafka_python(), because
        if not _is_in(self._own, helper.jvm_key):
            self._own = self._by_helper(helper)
        assert self._own is not None
        return self._own, f"in the kit's own JVM: {why}"

    def _by_helper(self, helper: Helper) -> JvmClient:
        return JvmClient(helper, self._config, self._check_usable)

    def _by_kafka_python(self) -> KafkaPythonClient:
        if self._kafka_python is None:
            self._kafka_python = KafkaPythonClient(self._config, self._check_usable)
        return self._kafka_python


def _is_in(client: JvmClient | None, jvm_key: int) -> bool:
    return client is not None and client.helper.jvm_key == jvm_key
