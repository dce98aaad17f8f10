"""A session for tests, in a kept Spark if one is wanted and fits, else a new one."""

from __future__ import annotations

import socket
import socketserver
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.spark_jvm import active_session, has_ended
from spark_kafka_testkit._kept.reuse import choose_reuse
from spark_kafka_testkit._spark.attach import attach, new_session
from spark_kafka_testkit._spark.conf import spark_conf
from spark_kafka_testkit._spark.kept.use import take

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["OWN_CONF", "session", "session_settings", "stop"]

OWN_CONF = {
    "spark.master": "local[2]",
    "spark.app.name": "spark-kafka-testkit",
    "spark.ui.showConsoleProgress": "false",  # pytest would show it as output of a test
}


def session(conf: Mapping[str, str]) -> SparkSession:
    """The session described in `KafkaUtils.spark_session`."""
    spark = active_session()
    if spark is None:
        wanted = {**OWN_CONF, **conf}
        spark = new_session(session_settings(wanted, reuse=choose_reuse()))
    attach(spark)
    return spark


def stop(spark: SparkSession) -> None:
    """Stop a session that the kit has made, unless its JVM has ended before it."""
    if has_ended():
        return
    _have_it_hear(getattr(spark.sparkContext, "_accumulatorServer", None))
    spark.stop()


def _have_it_hear(server: Any) -> None:
    """Make PySpark's server of accumulators end as soon as it is asked to.

    It is a server of the standard library, which checks twice a second and at each
    connection.
    """
    if not isinstance(server, socketserver.TCPServer):
        return
    shut_down = server.shutdown

    def shut_down_at_once() -> None:
        # a connection before the flag is set would be served
        server._BaseServer__shutdown_request = True  # type: ignore[attr-defined]
        with suppress(OSError), socket.socket(server.address_family) as client:
            client.settimeout(1.0)
            client.connect(server.server_address)
        shut_down()

    server.shutdown = shut_down_at_once  # type: ignore[method-assign]


def session_settings(conf: Mapping[str, str], *, reuse: bool) -> dict[str, str]:
    """The settings of a new session.

    If a kept Spark is wanted and fits them, this connects the process to it.
    """
    use = take(conf) if reuse else None
    return spark_conf(conf) if use is None or use.lease is None else use.settings
