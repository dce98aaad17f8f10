"""What Spark's JVM logs while tests run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["leave_out_told", "silenced"]

SPARK_LOGGER = "org.apache.spark"
LEVEL = "spark.log.level"
DEFAULTS = "/org/apache/spark/log4j2-defaults.properties"
FILTER_CLASS = "org.apache.logging.log4j.core.filter.RegexFilter"

TOLD = (
    # a failed task or query: its exception is raised, and is in the failure's text
    r"Aborting task",
    r"Abort(ing|ed) commit for partition ",
    r"Exception in task ",
    r"Lost task ",
    r"Task \d+ in stage [\d.]+ failed \d+ times; aborting job",
    r"Data source write support .* (is aborting|aborted)\.",
    r"Query .*\[id = \S+, runId = \S+\] terminated with error",
    # any query, when it starts and when it stops
    r"spark\.sql\.adaptive\.enabled is not supported in streaming ",
    r"Failed to cancel job group ",
    # a producer that outlived its topic. A send to a missing topic has its own error
    r"The metadata response from the cluster reported .*UNKNOWN_TOPIC_OR_PARTITION",
    r"Error while fetching metadata .*UNKNOWN_TOPIC_OR_PARTITION",
)
"""How these messages begin, after the prefixes of Spark 4 and Kafka's clients."""

log = logging.getLogger("spark_kafka_testkit")


def leave_out_told(session: SparkSession) -> None:
    """Leave out of Spark's log what failing tests report anyway, and mere noise.

    This is for the kit's own sessions. If the user has set a level or configured log4j,
    the log has everything.
    """
    try:
        _leave_out_told(cast("Any", session).sparkContext)
    except Exception as error:  # noqa: BLE001  logging other than log4j 2
        log.info("Spark's log is shown in full: %s", error)


def _leave_out_told(context: Any) -> None:
    log4j = context._jvm.org.apache.logging.log4j
    config = log4j.LogManager.getContext(False).getConfiguration()
    if not str(config.getConfigurationSource().getLocation()).endswith(DEFAULTS):
        return
    root = config.getRootLogger()
    present = root.getFilter()
    if present is not None and present.getClass().getName() == FILTER_CLASS:
        root.removeFilter(present)  # of an earlier session in this JVM
    if context.getConf().contains(LEVEL):
        return
    result = log4j.core.Filter.Result
    pattern = rf"(?s)(\[.*?\] )*({'|'.join(TOLD)}).*"
    root.addFilter(
        log4j.core.filter.RegexFilter.createFilter(
            pattern, None, False, result.DENY, result.NEUTRAL
        )
    )


@contextmanager
def silenced(session: SparkSession) -> Iterator[None]:
    """Keep Spark's JVM from logging, while queries die on purpose."""
    try:
        restore = _silence(session)
    except Exception as error:  # noqa: BLE001  logging other than log4j 2
        log.info("Spark's logs can't be silenced: %s", error)
        yield
        return
    try:
        yield
    finally:
        restore()


def _silence(session: SparkSession) -> Callable[[], None]:
    """Silence Spark's loggers, and return a function that undoes it."""
    log4j: Any = cast("Any", session).sparkContext._jvm.org.apache.logging.log4j
    context = log4j.LogManager.getContext(False)
    levels, config = log4j.core.config.Configurator, context.getConfiguration()
    is_users = config.getLoggers().containsKey(SPARK_LOGGER)
    before = config.getLoggerConfig(SPARK_LOGGER).getLevel()
    levels.setLevel(SPARK_LOGGER, log4j.Level.OFF)

    def restore() -> None:
        if is_users:
            levels.setLevel(SPARK_LOGGER, before)
        else:  # Spark's shells show everything of a logger with its own level
            config.removeLogger(SPARK_LOGGER)
            context.updateLoggers()

    return restore
