"""A JVM of Spark that stays between runs, through py4j."""

from __future__ import annotations

import os
from typing import Any

from spark_kafka_testkit._jvm.converters import ask_numpy_about_its_own
from spark_kafka_testkit._jvm.helper import API_CLASS
from spark_kafka_testkit._jvm.spark_jvm import PRODUCERS, singleton

__all__ = ["KeptJvm"]

STREAM_MILLIS = 10_000
QUERY_THREADS = "stream execution thread"
CONTEXT = "org.apache.spark.SparkContext"
LOG_LEVEL = "sparkkafka.testkit.log.level"
GATEWAY_VARIABLES = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


class KeptJvm:
    """Spark's JVM, for its keeper and for the runs that use it.

    Args:
        gateway: py4j's gateway.
    """

    def __init__(self, gateway: Any) -> None:
        self._gateway, self._view = gateway, gateway.jvm

    @classmethod
    def connect(cls, port: int, secret: str) -> KeptJvm:
        """Connect to a JVM of another process, the way PySpark itself does.

        No trace of it stays in the environment for child processes.
        """
        from pyspark import java_gateway

        ask_numpy_about_its_own()
        given = dict(zip(GATEWAY_VARIABLES, (str(port), secret), strict=True))
        os.environ.update(given)
        try:
            return cls(java_gateway.launch_gateway())  # type: ignore[no-untyped-call]
        finally:
            for name in given:
                del os.environ[name]

    @property
    def port(self) -> int:
        return int(self._gateway.gateway_parameters.port)

    @property
    def secret(self) -> str:
        return str(self._gateway.gateway_parameters.auth_token)

    @property
    def java_version(self) -> str:
        return str(
            self._view.java.lang.System.getProperty("java.specification.version")
        )

    def use(self) -> None:
        """Make the classic sessions of this process run there."""
        from pyspark import SparkContext

        SparkContext._ensure_initialized(gateway=self._gateway)

    def remember(self) -> None:
        """Note in the JVM what `tidy` has to restore."""
        self._view.java.lang.System.setProperty(LOG_LEVEL, self._root_level().name())
        self._api().pyRemember()

    def tidy(self) -> None:
        """End what an earlier run has left, and restore what it changed for everybody.

        What it may have left are its queries, its context and its connections to Kafka.
        Each run has a context of its own. Cached tables, views, functions, added jars,
        listeners, and Python's workers go with that.
        """
        api = self._api()
        api.pyInterrupt(QUERY_THREADS, STREAM_MILLIS)
        context = singleton(self._view, CONTEXT).getActive()
        if context.isDefined():
            context.get().stop()
        sessions = self._view.org.apache.spark.sql.SparkSession
        sessions.clearActiveSession()
        sessions.clearDefaultSession()
        # Spark keeps them for ten minutes, during which they would look for a broker
        # that is gone
        singleton(self._view, PRODUCERS).reset()
        api.pyTidy()
        level = self._view.java.lang.System.getProperty(LOG_LEVEL)
        log4j = self._view.org.apache.logging.log4j
        log4j.core.config.Configurator.setRootLevel(log4j.Level.valueOf(level))
        self._forget()

    def fullness(self) -> float:
        """The share of its memory that is in use after a collection, from 0 to 1."""
        return float(self._api().pyFullness())

    def _api(self) -> Any:
        return getattr(self._view, API_CLASS)()

    def _root_level(self) -> Any:
        log4j = self._view.org.apache.logging.log4j
        return log4j.LogManager.getRootLogger().getLevel()

    def _forget(self) -> None:
        """Release the objects that py4j keeps for a Python process that is gone."""
        from py4j.java_gateway import JavaObject

        server = JavaObject("GATEWAY_SERVER", self._gateway._gateway_client)
        names = server.getGateway().getBindings().keySet()
        fixed = self._view.java.util.HashSet()
        for name in ("GATEWAY_SERVER", "t", "j"):
            fixed.add(name)
        names.retainAll(fixed)
