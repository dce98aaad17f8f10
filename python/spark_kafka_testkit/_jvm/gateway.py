"""The seam to the JVM: the only file that touches py4j.

py4j carries short calls only; one names a loopback port and a one-time secret, and what
takes time goes over that socket (`PythonApi.scala`, `Connection.scala`). So a wait
is always on a socket of ours, which an interrupt can close, and py4j's own connection
never holds an answer that nobody has read.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from spark_kafka_testkit._model.client_config import RELOCATED
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import HelperError, KafkaTestkitError, from_helper

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

API_CLASS = "sparkkafka.testkit.PythonApi"
NEEDED_CLASS = "org.apache.kafka.clients.producer.KafkaProducer"
CONNECT_SECONDS = 30.0
HELPER_JAR = re.compile(r"spark-kafka-testkit_(\d+\.\d+)\.jar$")
CONNECTOR_CLASS = "org.apache.spark.sql.kafka010.KafkaSourceProvider"


class Helper:
    """The JVM helper, in the JVM of a classic Spark session or in one of our own.

    Attributes:
        jvm_key: tells one JVM from another; a helper is of no use to another JVM.
        gateway: py4j's, to the JVM.
    """

    def __init__(self, api: Any, jvm_key: int, gateway: JavaGateway) -> None:
        self._api = api
        self.jvm_key = jvm_key
        self.gateway = gateway

    def open(self, settings: Mapping[str, str]) -> int:
        """A handle for the cluster that clients reach by these settings of Kafka's.
        They hold secrets, so they take the channel: py4j logs what it carries.
        """
        opened = Channel(str(self._api.pyOpen()))
        try:
            with _silence_told(opened):
                opened.send(dict(settings))
                return int(opened.result())
        finally:
            opened.close()

    def close(self, handle: int) -> None:
        from py4j.protocol import Py4JError

        try:
            self._api.pyClose(handle)
        except (Py4JError, OSError):
            pass  # the JVM has gone, and what was open in it

    def serve(self, handle: int) -> str:
        """The address of a channel that serves operations (`Operations.scala`)."""
        return str(self._api.pyServe(handle))


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
    return session if session is not None and jvm_of(session) is not None else None


def jvm_of(session: SparkSession) -> Any:
    """The session's py4j view of the JVM, or None where there is none: Spark Connect, a
    stopped session.
    """
    from pyspark.errors import PySparkException

    try:
        context = session.sparkContext
    except (AttributeError, PySparkException, AssertionError):
        return None
    return (
        getattr(context, "_jvm", None)
        if getattr(context, "_jsc", None) is not None
        else None
    )


def is_connect(session: SparkSession) -> bool:
    """Whether it is a Spark Connect session."""
    return type(session).__module__.startswith("pyspark.sql.connect.")


def gateway_of(session: SparkSession) -> JavaGateway:
    """py4j's gateway to the JVM of a classic session."""
    return cast("JavaGateway", session.sparkContext._gateway)


def jvm_key(session: SparkSession) -> int:
    return id(gateway_of(session))


def find_helper(session: SparkSession) -> tuple[Helper | None, str]:
    """The helper on the session's class path, or None and the reason.

    Raises:
        HelperError: the jar is of another version than this package, or for another
            Scala version than Spark's.
    """
    api_class = load_class(session, API_CLASS)
    if api_class is None:
        return None, "the helper jar is not on the session's class path"
    if load_class(session, NEEDED_CLASS) is None:
        return (
            None,
            "the helper jar is on the session's class path, but kafka-clients, which "
            "the connector brings, is not",
        )
    check_scala(jar_of(session, API_CLASS), scala_version(session))
    api = api_class.newInstance()
    check_version(str(api.pyVersion()))
    return Helper(api, jvm_key(session), gateway_of(session)), ""


def helper_at(port: int, secret: str) -> Helper:
    """The helper in a JVM of our own (`Main.scala`), whose gateway listens there.

    Raises:
        HelperError: the jar is of another version than this package.
    """
    from py4j.java_gateway import GatewayParameters, JavaGateway

    parameters = GatewayParameters(address="127.0.0.1", port=port, auth_token=secret)
    gateway = JavaGateway(gateway_parameters=parameters)
    api = gateway.entry_point
    check_version(str(api.pyVersion()))
    return Helper(api, id(api), gateway)


def check_scala(jar: str | None, running: str) -> None:
    """Raises a HelperError where the helper jar is for another Scala version. It must
    not be tried: linkage errors end py4j's connection.
    """
    match = HELPER_JAR.search(jar or "")
    if match is not None and not running.startswith(f"{match[1]}."):
        raise HelperError(
            f"The helper jar on Spark's class path, {match[0]}, is built for Scala "
            f"{match[1]}, and Spark runs Scala {running}. Use the jar for its Scala "
            "version: KafkaUtils.spark_conf() names it."
        )


def check_version(found: str) -> None:
    if found != __version__:
        raise HelperError(
            f"The helper jar on Spark's class path is version {found}, and the Python "
            f"package spark-kafka-testkit is version {__version__}. "
            "Use the jar that came with the package: "
            "KafkaUtils.spark_conf() names it."
        )


def load_class(session: SparkSession, name: str) -> Any:
    """The Java class, or None: looked up as Spark itself would, and where jars that
    were added to a live session go.
    """
    from py4j.protocol import Py4JJavaError

    jvm = jvm_of(session)
    for loader in (
        jvm.java.lang.Thread.currentThread().getContextClassLoader,
        cast("Any", session)._jsparkSession.sharedState().jarClassLoader,
    ):
        try:
            return loader().loadClass(name)
        except Py4JJavaError:
            continue
    return None


def kafka_package(session: SparkSession) -> str | None:
    """What stands before the names of Kafka's classes that the session has: nothing, or
    `kafkashaded.`; None where it has none.
    """
    for prefix in ("", RELOCATED):
        if load_class(session, f"{prefix}{NEEDED_CLASS}") is not None:
            return prefix
    return None


def append_property(session: SparkSession, name: str, item: str) -> None:
    """Adds to a list among the system properties of the session's JVM."""
    system = jvm_of(session).java.lang.System
    items = str(system.getProperty(name) or "").split(",")
    if item not in items:
        system.setProperty(name, ",".join([*filter(None, items), item]))


def jar_of(session: SparkSession, name: str) -> str | None:
    """The path of the jar that a Java class of the session comes from, or None."""
    found = load_class(session, name)
    if found is None:
        return None
    source = found.getProtectionDomain().getCodeSource()
    return None if source is None else str(source.getLocation().getPath())


def use_session_class_loader(session: SparkSession) -> None:
    """Lets this Python thread's JVM thread see jars that were added to the live
    session, whichever thread added them.
    """
    loader = cast("Any", session)._jsparkSession.sharedState().jarClassLoader()
    jvm_of(session).java.lang.Thread.currentThread().setContextClassLoader(loader)


class Channel:
    """A connection to a thread of the helper: Arrow streams both ways, and frames of
    JSON between them.

    Args:
        address: what the helper's call returned.

    Attributes:
        silence_seconds: how long the helper may neither take nor send a byte.
        is_idle: an operation has gone through whole, and another may follow.
    """

    def __init__(self, address: str) -> None:
        port, secret = address.split()
        self.silence_seconds = CONNECT_SECONDS
        self.is_idle = True
        self._socket = socket.create_connection(
            ("127.0.0.1", int(port)), self.silence_seconds
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(secret.encode())
        file = self._socket.makefile("rwb", buffering=1 << 16)
        self.stream: BinaryIO = cast(BinaryIO, file)

    def begin(self, operation: str, silence_seconds: float, **details: Any) -> None:
        """Asks for an operation."""
        self.is_idle = False
        self.silence_seconds = silence_seconds
        self._socket.settimeout(silence_seconds)
        self.send({"operation": operation, **details})

    def end(self) -> None:
        """Notes that the operation has gone through whole."""
        self.is_idle = True

    def send(self, content: Any) -> None:
        """Sends a frame."""
        data = json.dumps(content).encode()
        self.stream.write(struct.pack(">i", len(data)) + data)
        self.stream.flush()

    def end_of_input(self) -> None:
        """Tells the helper that no more is sent."""
        self.stream.flush()
        self._socket.shutdown(socket.SHUT_WR)

    def result(self) -> Any:
        """Waits for the next frame.

        Raises:
            KafkaTestkitError: the failure that the frame tells of.
            HelperError: the JVM went away.
        """
        (length,) = struct.unpack(">i", self._exactly(4))
        frame = json.loads(self._exactly(length))
        if "error" in frame:
            raise from_helper(**frame["error"])
        return frame["ok"]

    def _exactly(self, size: int) -> bytes:
        try:
            data = self.stream.read(size)
        except ConnectionError:
            data = b""
        if len(data) < size:
            raise HelperError(
                "The JVM helper went away in the middle of an answer: has its Spark "
                "session been stopped?"
            )
        return data

    def close(self) -> None:
        try:
            self.stream.close()
        except OSError:
            pass  # unsent bytes for a helper that has gone
        self._socket.close()


@contextmanager
def _silence_told(channel: Channel) -> Iterator[None]:
    """Turns a time-out of the channel's socket into a HelperError."""
    try:
        yield
    except KafkaTestkitError:
        raise
    except TimeoutError as error:
        raise HelperError(
            f"The JVM helper has been silent for {channel.silence_seconds:g} s; is its "
            "JVM suspended, or out of memory?"
        ) from error


class Channels:
    """Channels that serve one operation after another: to open one takes several
    milliseconds, so idle ones are kept.

    Args:
        connect: gives the address of a new one.
    """

    def __init__(self, connect: Callable[[], str]) -> None:
        self._connect = connect
        self._idle: deque[Channel] = deque()

    @contextmanager
    def lend(self) -> Iterator[Channel]:
        """A channel that no one else uses, for one operation; it is closed unless that
        goes through whole.

        Raises:
            HelperError: the helper was silent for longer than the operation allows.
        """
        try:
            lent = self._idle.pop()
        except IndexError:
            lent = Channel(self._connect())
        try:
            with _silence_told(lent):
                yield lent
        finally:
            if lent.is_idle:
                self._idle.append(lent)
            else:
                lent.close()

    def close(self) -> None:
        """Closes the idle ones; the others end with their operations."""
        while self._idle:
            self._idle.pop().close()


def scala_version(session: SparkSession) -> str:
    """The version of the Scala library in the session's JVM, for example `2.13.18`."""
    return str(jvm_of(session).scala.util.Properties.versionNumberString())


def active_queries(session: SparkSession) -> list[StreamingQuery]:
    """The queries that run, of all sessions that share this one's context; none where
    its JVM has gone.
    """
    from py4j.protocol import Py4JError
    from pyspark.sql.streaming.query import StreamingQuery

    try:
        shared = cast("Any", session)._jsparkSession.sharedState()
        return [
            StreamingQuery(query) for query in shared.activeStreamingQueries().values()
        ]
    except (Py4JError, OSError):
        return []


def trigger_of(query: StreamingQuery) -> str | None:
    """The class of the query's trigger, for example `RealTimeTrigger`; None where no
    JVM is in reach.
    """
    execution = getattr(query, "_jsq", None)
    if execution is None:
        return None
    trigger = execution.streamingQuery().trigger()
    return str(trigger.getClass().getSimpleName())


def find_in(
    gateway: JavaGateway, pattern: str, texts: Iterable[str], is_whole: bool
) -> list[str]:
    """The texts in which Java finds its regular expression, or, with `is_whole`, those
    that are one as a whole.

    Java's objects are let go of at once: py4j's own way waits for Python's garbage
    collection, which may come when the JVM has gone, and logs an error for each then.
    """
    compiled = gateway.jvm.java.util.regex.Pattern.compile(pattern)

    def is_found(text: str) -> bool:
        matcher = compiled.matcher(text)
        try:
            return bool(matcher.matches() if is_whole else matcher.find())
        finally:
            gateway.detach(matcher)

    try:
        return [text for text in texts if is_found(text)]
    finally:
        gateway.detach(compiled)
