"""The JVM helper as Python sees it: `PythonApi.scala`, through py4j."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.channel import Channel, silence_told
from spark_kafka_testkit._jvm.socket_stream import HelperGoneError
from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.errors import HelperError

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway

__all__ = [
    "API_CLASS",
    "Helper",
    "check_scala",
    "check_version",
    "helper_at",
]

API_CLASS = "sparkkafka.testkit.PythonApi"
SENDING_FAILED = "Exception while sending command."  # py4j 0.10.9
HELPER_JAR = re.compile(r"spark-kafka-testkit_(\d+\.\d+)\.jar$")


class Helper:
    """The JVM helper, in the JVM of a classic Spark session or in one of the kit.

    Attributes:
        jvm_key: distinguishes JVMs. A helper can't be used with another JVM.
        gateway: py4j's gateway to the JVM.
        is_lost: whether it was found to be gone.
    """

    def __init__(self, api: Any, jvm_key: int, gateway: JavaGateway) -> None:
        self._api = api
        self.jvm_key = jvm_key
        self.gateway = gateway
        self.is_lost = False

    def open(self, settings: Mapping[str, str]) -> int:
        """Open a handle for the cluster that clients reach with these Kafka settings.

        The settings hold secrets, so they go over the channel: py4j logs what it
        carries.
        """
        opened = Channel(lambda port: self._asked("pyOpen", port))
        try:
            with silence_told(opened):
                opened.send(dict(settings))
                return int(opened.result())
        finally:
            opened.close()

    def close(self, handle: int) -> None:
        from py4j.protocol import Py4JError

        try:
            with _silent_py4j():
                self._api.pyClose(handle)
        except (Py4JError, OSError):
            pass  # the JVM is gone, and whatever was open in it

    def serve(self, handle: int, port: int) -> str:
        """The address of a channel that serves operations to this port of our process.

        See `Operations.scala`.
        """
        return self._asked("pyServe", handle, port)

    def stateful_inputs(self, plan: Any, sources: Any, once: bool) -> Any:
        """The inputs of stateful operators, without a job: see `StatefulInputs.of`."""
        return self._api.pyStatefulInputs(plan, sources, once)

    def watch_writes(self, session: Any, query: str, failing: int) -> None:
        """Watch writes: see `WatchedWrites.watch`."""
        self._api.pyWatchWrites(session, query, failing)

    def unwatch_writes(self, query: str) -> tuple[int, bool]:
        """The number of writes, and whether one was made to fail."""
        count, has_failed = self._api.pyUnwatchWrites(query)
        return int(count), bool(has_failed)

    def open_clock(
        self, queries: Any, checkpoint: str, time: int, interval: int
    ) -> int:
        """Open a handle for a clock: see `PythonApi.pyOpenClock`."""
        return int(self._api.pyOpenClock(queries, checkpoint, time, interval))

    def clock_started(self, handle: int) -> None:
        self._api.pyClockStarted(handle)

    def pass_time(self, handle: int, port: int) -> str:
        """The address of a channel to this port of our process, to move a clock on."""
        return self._asked("pyPass", handle, port)

    def close_clock(self, handle: int) -> None:
        from py4j.protocol import Py4JError

        try:
            with _silent_py4j():
                self._api.pyCloseClock(handle)
        except (Py4JError, OSError):
            pass  # the JVM is gone, and the query with it

    def let_go_of_query(self, execution: Any) -> None:
        """Free what a query has left in its JVM: see `EndedQuery.letGo`."""
        from py4j.java_gateway import JavaObject

        server = JavaObject("GATEWAY_SERVER", self.gateway._gateway_client)
        self._api.pyLetGo(execution, server.getCallbackClient())

    def let_go_of_session(self, session: Any) -> None:
        """Free what a session has left in its JVM: see `EndedQuery.removeListener`."""
        self._api.pyRemoveListener(session)

    def _asked(self, method: str, *args: int) -> str:
        from py4j.protocol import Py4JNetworkError

        try:
            return str(getattr(self._api, method)(*args))
        except (Py4JNetworkError, OSError) as error:
            self.is_lost = True
            raise HelperGoneError from error


@contextmanager
def _silent_py4j() -> Iterator[None]:
    """Keep py4j from logging a traceback when the JVM is gone.

    At the end of a process it would appear below the user's own. py4j uses the root
    logger for it.
    """

    def passes(record: logging.LogRecord) -> bool:
        return record.msg != SENDING_FAILED

    root = logging.getLogger()
    root.addFilter(passes)
    try:
        yield
    finally:
        root.removeFilter(passes)


def helper_at(port: int, secret: str) -> Helper:
    """The helper in one of the kit's JVMs (`Main.scala`), whose gateway listens there.

    Raises:
        HelperError: the jar is not of the same version as this package.
    """
    from py4j.java_gateway import GatewayParameters, JavaGateway

    parameters = GatewayParameters(address="127.0.0.1", port=port, auth_token=secret)
    gateway = JavaGateway(gateway_parameters=parameters)
    api = gateway.entry_point
    check_version(str(api.pyVersion()))
    return Helper(api, id(api), gateway)


def check_scala(jar: str | None, running: str) -> None:
    """Check that the helper jar is for the running Scala version.

    It must not be tried otherwise: linkage errors end py4j's connection.

    Raises:
        HelperError: it is for another Scala version.
    """
    match = HELPER_JAR.search(jar or "")
    if match is not None and not running.startswith(f"{match[1]}."):
        raise HelperError(
            f"The helper jar on Spark's class path, {match[0]}, is built for Scala "
            f"{match[1]}, but Spark runs Scala {running}.",
            "Use the jar for its Scala version: KafkaUtils.spark_conf() names it.",
        )


def check_version(jar_version: str) -> None:
    if jar_version != __version__:
        raise HelperError(
            f"The helper jar on Spark's class path is version {jar_version}, but the "
            f"Python package spark-kafka-testkit is version {__version__}.",
            "Use the jar that came with the package: KafkaUtils.spark_conf() names it.",
        )
