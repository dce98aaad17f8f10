"""What ended queries leave in the JVM of a classic session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from py4j.java_gateway import JavaObject

from spark_kafka_testkit._jvm.spark_jvm import items_of, java_class

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER_WORKERS = "pyspark.sql.streaming.transform_with_state_driver_worker"


def listeners(spark: SparkSession) -> int:
    """How many listeners of queries hear of each event in Spark."""
    spark.streams.active  # noqa: B018  the session's own begins to listen at first use
    bus: Any = spark._jsparkSession.sparkContext().listenerBus()
    (streams,) = (q for q in items_of(field(bus, "queues")) if q.name() == "streams")
    return int(streams.listeners().size())


def connections(spark: SparkSession) -> int:
    """How many connections to Python the JVM keeps, apart from those in use."""
    gateway: Any = spark.sparkContext._gateway
    server = JavaObject("GATEWAY_SERVER", gateway._gateway_client)
    return int(field(server.getCallbackClient(), "connections").size())


def monitors(spark: SparkSession) -> int:
    """How many threads watch over driver workers of queries."""
    threads = java_class(spark.sparkContext._jvm, "java.lang.Thread")
    watching = [
        thread
        for thread in items_of(threads.getAllStackTraces().keySet())
        if thread.getName().startswith("Idle Worker Monitor")
    ]
    modules = [field(field(thread, "$outer"), "workerModule") for thread in watching]
    return modules.count(DRIVER_WORKERS)


def field(owner: Any, name: str) -> Any:
    """The value of a Java field that is not open."""
    kind = owner.getClass()
    while True:
        found = [each for each in kind.getDeclaredFields() if each.getName() == name]
        if found:
            found[0].setAccessible(True)
            return found[0].get(owner)
        kind = kind.getSuperclass()
