"""The JVM of a classic Spark session, asked through py4j."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from spark_kafka_testkit._jvm.helper import (
    API_CLASS,
    Helper,
    check_scala,
    check_version,
)
from spark_kafka_testkit._model.client_config import RELOCATED

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark import SparkContext
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
    "ends_on_its_own",
    "execution_of",
    "finds_class",
    "has_ended",
    "is_clocked",
    "is_connect",
    "is_on_class_path",
    "items_of",
    "java_class",
    "let_go_of_query",
    "let_go_of_session",
    "session_of",
    "singleton",
    "trigger_of",
]

CONNECTOR_CLASS = "org.apache.spark.sql.kafka010.KafkaSourceProvider"
PRODUCER_CLASS = "org.apache.kafka.clients.producer.KafkaProducer"
THREAD = "java.lang.Thread"
PRODUCERS = "org.apache.spark.sql.kafka010.producer.InternalKafkaProducerPool"
CLOSE_SECONDS = 2.0

log = logging.getLogger("spark_kafka_testkit")


class SparkJvm:
    """The JVM of a classic session, made with `of`.

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
        """The session's JVM, or None if there is none.

        That is so without a session, for a stopped one, for one whose JVM has ended,
        and for Spark Connect.
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
        if has_ended():
            return None
        return cls(session, context._gateway, context._jvm)

    @classmethod
    def active(cls) -> SparkJvm | None:
        """The JVM of this process's classic session, if there is one."""
        return cls.of(active_session())

    @property
    def key(self) -> int:
        """A number that distinguishes JVMs."""
        return id(self.gateway)

    @property
    def scala_version(self) -> str:
        """The version of its Scala library, for example `2.13.18`."""
        properties = java_class(self.view, "scala.util.Properties")
        return str(properties.versionNumberString())

    @property
    def kafka_package(self) -> str | None:
        """The prefix of its Kafka class names, empty or `kafkashaded.`, or None.

        None means that it has no Kafka classes.
        """
        for prefix in ("", RELOCATED):
            if self.load_class(f"{prefix}{PRODUCER_CLASS}") is not None:
                return prefix
        return None

    def load_class(self, name: str) -> Any:
        """The Java class, or None.

        The lookup is Spark's own, followed by the place where jars added to a live
        session go.
        """
        from py4j.protocol import Py4JJavaError

        thread = java_class(self.view, THREAD).currentThread()
        for loader in (thread.getContextClassLoader, self._shared.jarClassLoader):
            try:
                return loader().loadClass(name)
            except Py4JJavaError:
                continue
        return None

    def jar_of(self, name: str) -> str | None:
        """The path of the jar that a Java class comes from, or None."""
        loaded = self.load_class(name)
        if loaded is None:
            return None
        source = loaded.getProtectionDomain().getCodeSource()
        return None if source is None else str(source.getLocation().getPath())

    def use_class_loader(self) -> None:
        """Make jars added to the live session visible to this thread's JVM thread.

        It does not matter which thread added them.
        """
        thread = java_class(self.view, THREAD).currentThread()
        thread.setContextClassLoader(self._shared.jarClassLoader())

    def append_property(self, name: str, value: str) -> None:
        """Add a value to a list in the system properties."""
        system = java_class(self.view, "java.lang.System")
        values = str(system.getProperty(name) or "").split(",")
        if value not in values:
            system.setProperty(name, ",".join([*filter(None, values), value]))

    @property
    def options(self) -> list[str]:
        """The options that the JVM was started with."""
        factory = java_class(self.view, "java.lang.management.ManagementFactory")
        arguments = factory.getRuntimeMXBean().getInputArguments()
        return list(map(str, items_of(arguments)))

    def active_queries(self) -> list[StreamingQuery]:
        """The running queries of all sessions that share this one's context.

        Empty if the JVM is gone.
        """
        from py4j.java_gateway import get_method
        from py4j.protocol import Py4JError
        from pyspark.sql.streaming.query import StreamingQuery

        try:
            queries = get_method(self._shared.activeStreamingQueries(), "values")()
            return list(map(StreamingQuery, items_of(queries)))
        except (Py4JError, OSError):
            return []

    def find_helper(self) -> tuple[Helper | None, str]:
        """The helper on the class path, or None and the reason.

        Raises:
            HelperError: the jar is not of the same version as this package, or not for
                Spark's Scala version.
        """
        context = self.session.sparkContext
        found = _helpers.get(context)
        if found is not None:
            return found, ""
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
        found = _helpers[context] = Helper(api, self.key, self.gateway)
        return found, ""

    @property
    def _shared(self) -> Any:
        return cast("Any", self.session)._jsparkSession.sharedState()


_helpers: WeakKeyDictionary[SparkContext, Helper] = WeakKeyDictionary()
"""The helpers that were found. Looking for one asks the JVM a dozen questions."""


def active_session() -> SparkSession | None:
    """The classic Spark session of this process, if there is one.

    This does not import pyspark.
    """
    module = sys.modules.get("pyspark.sql.session") or sys.modules.get(
        "pyspark.sql.classic.session"
    )
    session = getattr(
        getattr(module, "SparkSession", None), "_instantiatedSession", None
    )
    return session if SparkJvm.of(session) is not None else None


def finds_class(name: str) -> bool | None:
    """Whether the JVM of this process's next classic session finds the Java class.

    None if that JVM has not been started yet. It outlives its sessions, and
    spark-submit starts it before the script.
    """
    gateway = _running_gateway()
    if gateway is None:
        return False if "PYSPARK_GATEWAY_PORT" in os.environ else None
    from py4j.protocol import Py4JJavaError

    thread = java_class(gateway.jvm, THREAD).currentThread()
    try:
        thread.getContextClassLoader().loadClass(name)
    except Py4JJavaError:
        return False
    return True


def is_on_class_path(name: str) -> bool:
    """Whether this process's running JVM has the Java class on its own class path.

    False if none runs.
    """
    gateway = _running_gateway()
    if gateway is None:
        return False
    from py4j.protocol import Py4JJavaError

    loader = java_class(gateway.jvm, "java.lang.ClassLoader").getSystemClassLoader()
    try:
        loader.loadClass(name)
    except Py4JJavaError:
        return False
    return True


def active_queries() -> list[StreamingQuery]:
    """All queries that run in this process's Spark, in any session."""
    jvm = SparkJvm.active()
    return [] if jvm is None else jvm.active_queries()


def close_producers() -> None:
    """Close the producers of Spark's sink within `CLOSE_SECONDS`, unless a query runs.

    Spark keeps them for ten minutes. All that time they would look for a broker or a
    topic that is gone, and report it on stderr.
    """
    gateway = _running_gateway()
    if gateway is None:
        return

    is_late = threading.Event()  # by then another query may run

    def close() -> None:
        with suppress(Exception):  # a JVM that is gone has none
            pool = singleton(gateway.jvm, PRODUCERS)
            if not active_queries() and not is_late.is_set():
                pool.reset()

    thread = threading.Thread(target=close, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return  # an exit hook in Python 3.12, soon before the JVM ends
    thread.join(CLOSE_SECONDS)
    is_late.set()


def java_class(view: Any, name: str) -> Any:
    """A Java class by its full name.

    `view.java.lang.Thread` would ask for a class `java` first and for `java.lang` next.
    The JVM looks for each of them in all its jars.
    """
    return getattr(view, name)


def items_of(collection: Any) -> list[Any]:
    """The items of a Java collection.

    py4j's iterators end with an exception from Java, which takes PySpark 25 ms.
    """
    array = collection.toArray()
    return [array[place] for place in range(len(array))]


def singleton(view: Any, name: str) -> Any:
    """A Scala object, even one of Spark's own that is hidden from py4j."""
    loader = java_class(view, THREAD).currentThread().getContextClassLoader()
    return loader.loadClass(f"{name}$").getField("MODULE$").get(None)


def _running_gateway() -> Any:
    """py4j's gateway to the JVM of this process's classic sessions, or None."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    return getattr(context, "_gateway", None)


def has_ended() -> bool:
    """Whether the JVM of this process's classic sessions has ended.

    False if it is not known, because PySpark has not started it.
    """
    process = getattr(_running_gateway(), "proc", None)
    return process is not None and process.poll() is not None


def is_connect(session: SparkSession) -> bool:
    """Whether it is a Spark Connect session."""
    return type(session).__module__.startswith("pyspark.sql.connect.")


def trigger_of(query: StreamingQuery) -> str | None:
    """The class of the query's trigger, for example `RealTimeTrigger`.

    None if no JVM is within reach.
    """
    execution = execution_of(query)
    return execution and str(execution.trigger().getClass().getSimpleName())


def ends_on_its_own(query: StreamingQuery) -> bool:
    """Whether the query's trigger ends it: `availableNow` or `once`.

    False if no JVM is within reach.
    """
    return str(trigger_of(query)).startswith(("AvailableNowTrigger", "OneTimeTrigger"))


def is_clocked(query: StreamingQuery) -> bool:
    """Whether the query runs by a test's clock (`TestClock.scala`)."""
    execution = execution_of(query)
    if execution is None:
        return False
    return str(execution.triggerClock().getClass().getSimpleName()) == "TestClock"


def execution_of(query: StreamingQuery) -> Any:
    """Spark's own object behind the query, or None if no JVM is within reach.

    The queries that `active_queries` returns have no wrapper around it.
    """
    java: Any = getattr(query, "_jsq", None)
    if java is None or java.getClass().getSimpleName() != "StreamingQueryWrapper":
        return java
    return java.streamingQuery()


def cloned(session: SparkSession, count: int) -> list[SparkSession]:
    """Sessions that share a classic session's settings, views and functions.

    Each has its own queries. Give each to `let_go_of_session` at its end.
    """
    classic: Any = session
    return [
        type(session)(classic._sc, classic._jsparkSession.cloneSession())
        for _ in range(count)
    ]


def let_go_of_session(session: SparkSession) -> None:
    """Remove the listener of a session's queries, which Spark keeps with the context.

    Each event of all sessions goes to it. After a few hundred sessions, that takes a
    quarter of the JVM's processor time. Nothing happens without the helper.
    """
    helper = _found_helper()
    if helper is not None:
        with suppress(Exception):  # the JVM is gone, or this is another Spark
            helper.let_go_of_session(cast("Any", session)._jsparkSession)


def let_go_of_query(query: StreamingQuery) -> None:
    """Free what Spark and py4j keep of a query that has ended (`EndedQuery.scala`).

    Among it is an open connection for each query that calls Python, so a process comes
    to the end of its open files. Nothing happens without the helper.
    """
    helper = _found_helper()
    if helper is not None:
        with suppress(Exception):  # the JVM is gone, or this is another Spark
            helper.let_go_of_query(execution_of(query))


def _found_helper() -> Helper | None:
    """The helper in the JVM of this process's context, if one was asked for."""
    kind = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    context = getattr(kind, "_active_spark_context", None)
    return None if context is None else _helpers.get(context)


def session_of(query: StreamingQuery) -> SparkSession:
    """The session that a query runs in."""
    of_connect: Any = getattr(query, "_session", None)
    if of_connect is not None:
        return cast("SparkSession", of_connect)
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context = SparkContext.getOrCreate()
    return SparkSession(context, execution_of(query).sparkSession())
