"""The JVM of a classic Spark session, asked through py4j."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from spark_kafka_testkit._jvm.helper import (
    API_CLASS,
    Helper,
    check_scala,
    check_version,
)
from spark_kafka_testkit._model.client_config import RELOCATED

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = [
    "CONNECTOR_CLASS",
    "PRODUCERS",
    "PRODUCER_CLASS",
    "SparkJvm",
    "active_queries",
    "active_session",
    "cloned",
    "close_producers",
    "execution_of",
    "finds_class",
    "is_clocked",
    "is_connect",
    "is_on_class_path",
    "session_of",
    "silenced",
    "singleton",
    "trigger_of",
]

CONNECTOR_CLASS = "org.apache.spark.sql.kafka010.KafkaSourceProvider"
PRODUCER_CLASS = "org.apache.kafka.clients.producer.KafkaProducer"
PRODUCERS = "org.apache.spark.sql.kafka010.producer.InternalKafkaProducerPool"
CLOSE_SECONDS = 2.0
SPARK_LOGGER = "org.apache.spark"

log = logging.getLogger("spark_kafka_testkit")


class SparkJvm:
    """The JVM of a classic session; `of` makes one.

    Attributes:
        session: the session.
        gateway: py4j's gateway.
        view: py4j's view, whose attributes are Java's packages.
    """

    def __init__(self, session: SparkSession, gateway: JavaGateway, view: Any) -> None:
        self.session = session
        self.gateway = gateway
        self.view = view

    @classmethod
    def of(cls, session: SparkSession | None) -> SparkJvm | None:
        """The session's JVM, or None where there is none: no session, a stopped one,
        or one of Spark Connect.
        """
        if session is None or is_connect(session):
            return None
        from pyspark.errors import PySparkException

        try:
            context = cast("Any", session.sparkContext)
        except (AttributeError, PySparkException, AssertionError):
            return None
        if getattr(context, "_jsc", None) is None:
            return None
        return cls(session, context._gateway, context._jvm)

    @classmethod
    def active(cls) -> SparkJvm | None:
        """That of the classic session of this process, if there is one."""
        return cls.of(active_session())

    @property
    def key(self) -> int:
        """Tells one JVM from another."""
        return id(self.gateway)

    @property
    def scala_version(self) -> str:
        """The version of its Scala library, for example `2.13.18`."""
        return str(self.view.scala.util.Properties.versionNumberString())

    @property
    def kafka_package(self) -> str | None:
        """What stands before the names of its Kafka classes: nothing, or
        `kafkashaded.`; None where it has none.
        """
        for prefix in ("", RELOCATED):
            if self.load_class(f"{prefix}{PRODUCER_CLASS}") is not None:
                return prefix
        return None

    def load_class(self, name: str) -> Any:
        """The Java class, or None: looked up as Spark itself would, and where jars that
        were added to a live session go.
        """
        from py4j.protocol import Py4JJavaError

        thread = self.view.java.lang.Thread.currentThread()
        for loader in (thread.getContextClassLoader, self._shared.jarClassLoader):
            try:
                return loader().loadClass(name)
            except Py4JJavaError:
                continue
        return None

    def jar_of(self, name: str) -> str | None:
        """The path of the jar that a Java class comes from, or None."""
        java_class = self.load_class(name)
        if java_class is None:
            return None
        source = java_class.getProtectionDomain().getCodeSource()
        return None if source is None else str(source.getLocation().getPath())

    def use_class_loader(self) -> None:
        """Lets this Python thread's JVM thread see jars that were added to the live
        session, whichever thread added them.
        """
        thread = self.view.java.lang.Thread.currentThread()
        thread.setContextClassLoader(self._shared.jarClassLoader())

    def append_property(self, name: str, value: str) -> None:
        """Adds to a list among the system properties."""
        system = self.view.java.lang.System
        values = str(system.getProperty(name) or "").split(",")
        if value not in values:
            system.setProperty(name, ",".join([*filter(None, values), value]))

    @property
    def options(self) -> list[str]:
        """What the JVM was started with."""
        factory = self.view.java.lang.management.ManagementFactory
        return [
            str(option) for option in factory.getRuntimeMXBean().getInputArguments()
        ]

    def active_queries(self) -> list[StreamingQuery]:
        """The queries that run, of all sessions that share this one's context; none
        where the JVM has gone.
        """
        from py4j.protocol import Py4JError
        from pyspark.sql.streaming.query import StreamingQuery

        try:
            queries = self._shared.activeStreamingQueries().values()
            return [StreamingQuery(query) for query in queries]
        except (Py4JError, OSError):
            return []

    def find_helper(self) -> tuple[Helper | None, str]:
        """The helper on the class path, or None and the reason.

        Raises:
            HelperError: the jar is of another version than this package, or for another
                Scala version than Spark's.
        """
        api_class = self.load_class(API_CLASS)
        if api_class is None:
            return None, "the helper jar is not on the session's class path"
        if self.load_class(PRODUCER_CLASS) is None:
            return (
                None,
                "the helper jar is on the session's class path, but kafka-clients, "
                "which the connector brings, is not",
            )
        check_scala(self.jar_of(API_CLASS), self.scala_version)
        api = api_class.newInstance()
        check_version(str(api.pyVersion()))
        return Helper(api, self.key, self.gateway), ""

    @property
    def _shared(self) -> Any:
        return cast("Any", self.session)._jsparkSession.sharedState()


def active_session() -> SparkSession | None:
    """The classic Spark session of this process, if there is one. pyspark is not
    imported for it.
    """
    module = sys.modules.get("pyspark.sql.session") or sys.modules.get(
        "pyspark.sql.classic.session"
    )
    session = getattr(
        getattr(module, "SparkSession", None), "_instantiatedSession", None
    )
    return session if SparkJvm.of(session) is not None else None


def finds_class(name: str) -> bool | None:
    """Whether the JVM of this process's next classic session finds the Java class; None
    where that JVM is still to be started. It outlives its sessions, and spark-submit
    starts it before the script.
    """
    gateway = _running_gateway()
    if gateway is None:
        return False if "PYSPARK_GATEWAY_PORT" in os.environ else None
    from py4j.protocol import Py4JJavaError

    thread = gateway.jvm.java.lang.Thread.currentThread()
    try:
        thread.getContextClassLoader().loadClass(name)
    except Py4JJavaError:
        return False
    return True


def is_on_class_path(name: str) -> bool:
    """Whether the running JVM of this process has the Java class on its own class path;
    False where none runs.
    """
    gateway = _running_gateway()
    if gateway is None:
        return False
    from py4j.protocol import Py4JJavaError

    try:
        gateway.jvm.java.lang.ClassLoader.getSystemClassLoader().loadClass(name)
    except Py4JJavaError:
        return False
    return True


def active_queries() -> list[StreamingQuery]:
    """All queries that run in this process's Spark, of whichever session."""
    jvm = SparkJvm.active()
    return [] if jvm is None else jvm.active_queries()


def close_producers() -> None:
    """Closes the producers that Spark's sink has, unless a query runs, within
    `CLOSE_SECONDS`. Spark keeps them for ten minutes, and they would look all the while
    for a broker or a topic that has gone, and say so on stderr.
    """
    gateway = _running_gateway()
    if gateway is None:
        return

    def close() -> None:
        with suppress(Exception):  # a JVM that has gone has none
            if not active_queries():
                singleton(gateway.jvm, PRODUCERS).reset()

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    thread.join(CLOSE_SECONDS)


def singleton(view: Any, name: str) -> Any:
    """What Scala calls an object; some of Spark's own are hidden from py4j."""
    loader = view.java.lang.Thread.currentThread().getContextClassLoader()
    return loader.loadClass(f"{name}$").getField("MODULE$").get(None)


def _running_gateway() -> Any:
    """py4j's gateway to the JVM of this process's classic sessions, or None."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    return getattr(context, "_gateway", None)


def is_connect(session: SparkSession) -> bool:
    """Whether it is a Spark Connect session."""
    return type(session).__module__.startswith("pyspark.sql.connect.")


def trigger_of(query: StreamingQuery) -> str | None:
    """The class of the query's trigger, for example `RealTimeTrigger`; None where no
    JVM is in reach.
    """
    execution = execution_of(query)
    return execution and str(execution.trigger().getClass().getSimpleName())


def is_clocked(query: StreamingQuery) -> bool:
    """Whether the query goes by a test's clock (`TestClock.scala`)."""
    execution = execution_of(query)
    if execution is None:
        return False
    return str(execution.triggerClock().getClass().getSimpleName()) == "TestClock"


def execution_of(query: StreamingQuery) -> Any:
    """Spark's own object behind the query; None where no JVM is in reach. Those that
    `active_queries` gives are not wrapped.
    """
    java: Any = getattr(query, "_jsq", None)
    if java is None or java.getClass().getSimpleName() != "StreamingQueryWrapper":
        return java
    return java.streamingQuery()


def cloned(session: SparkSession, count: int) -> list[SparkSession]:
    """Sessions with the settings, views and functions of a classic session, and queries
    of their own.
    """
    classic: Any = session
    return [
        type(session)(classic._sc, classic._jsparkSession.cloneSession())
        for _ in range(count)
    ]


@contextmanager
def silenced(session: SparkSession) -> Iterator[None]:
    """While queries die on purpose: Spark's JVM logs nothing."""
    try:
        restore = _silence(session)
    except Exception as error:  # noqa: BLE001  logs go by something else than log4j 2
        log.info("Spark's logs can't be silenced: %s", error)
        yield
        return
    try:
        yield
    finally:
        restore()


def _silence(session: SparkSession) -> Callable[[], None]:
    """Silences Spark's loggers; gives what undoes it."""
    log4j: Any = cast("Any", session).sparkContext._jvm.org.apache.logging.log4j
    context = log4j.LogManager.getContext(False)
    levels, config = log4j.core.config.Configurator, context.getConfiguration()
    is_users = config.getLoggers().containsKey(SPARK_LOGGER)
    before = config.getLoggerConfig(SPARK_LOGGER).getLevel()
    levels.setLevel(SPARK_LOGGER, log4j.Level.OFF)

    def restore() -> None:
        if is_users:
            levels.setLevel(SPARK_LOGGER, before)
        else:  # Spark's shells show all of a logger that has a level of its own
            config.removeLogger(SPARK_LOGGER)
            context.updateLoggers()

    return restore


def session_of(query: StreamingQuery) -> SparkSession:
    """The session that a query runs in."""
    of_connect: Any = getattr(query, "_session", None)
    if of_connect is not None:
        return cast("SparkSession", of_connect)
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context = SparkContext.getOrCreate()
    return SparkSession(context, execution_of(query).sparkSession())
