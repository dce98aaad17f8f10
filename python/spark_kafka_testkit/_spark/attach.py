"""Put the helper and the Kafka connector on a Spark session, new or running."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.converters import ask_numpy_about_its_own
from spark_kafka_testkit._jvm.helper import API_CLASS
from spark_kafka_testkit._jvm.installed_spark import (
    CONNECTOR,
    KNOWN_SPARK,
    SparkVersion,
    spark_and_jars,
)
from spark_kafka_testkit._jvm.jars import MAVEN_ENV, connector_scala
from spark_kafka_testkit._jvm.spark_jvm import CONNECTOR_CLASS, SparkJvm, is_connect
from spark_kafka_testkit._jvm.spark_log import leave_out_told
from spark_kafka_testkit._model.client_config import RELOCATED
from spark_kafka_testkit._spark.conf import connector_of, not_locked, repository
from spark_kafka_testkit._spark.loopback import local_host_name
from spark_kafka_testkit._spark.pairing import mismatches
from spark_kafka_testkit._spark.python_workers import (
    daemon_settings,
    python_of_this_process,
)
from spark_kafka_testkit._spark.running import knows_kafka, running_spark
from spark_kafka_testkit._spark.submit import (
    cause_of,
    default_settings,
    start_again,
    submitted_settings,
)
from spark_kafka_testkit._spark.worker_sockets import socket_settings
from spark_kafka_testkit._versions import apache_version
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["attach", "new_session", "start_jvm"]

log = logging.getLogger("spark_kafka_testkit")


def start_jvm(settings: Mapping[str, str]) -> None:
    """Start the JVM for a session that is about to be made, if none runs.

    Args:
        settings: the result of `spark_conf()`.
    """
    from pyspark import SparkConf, SparkContext

    conf = SparkConf()
    for name, value in settings.items():
        conf.set(name, value)
    ask_numpy_about_its_own()
    with local_host_name(settings):
        SparkContext._ensure_initialized(conf=conf)


def new_session(settings: Mapping[str, str]) -> SparkSession:
    """A classic session.

    Args:
        settings: the result of `spark_conf()`.

    Raises:
        SparkSetupError: Spark's JVM ended at its start. The text has the reason, which
            PySpark does not report.
    """
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    _, folder = spark_and_jars()
    known = {**default_settings(folder.parent), **submitted_settings(), **settings}
    own = {**settings, **daemon_settings(known), **socket_settings(known)}
    builder = SparkSession.builder
    for name, value in own.items():
        builder = builder.config(name, value)
    ask_numpy_about_its_own()
    try:
        with local_host_name(settings), python_of_this_process(settings):
            spark = builder.getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA_GATEWAY_EXITED" not in str(error):
            raise
        version, _ = spark_and_jars()
        with local_host_name(settings):
            cause = cause_of(start_again(folder.parent, settings))
        advice = _not_found(version) if version.connector in cause else ""
        raise SparkSetupError(
            f"Spark's JVM ended before the session was ready: {cause}.", advice
        ) from error
    leave_out_told(spark)
    return spark


def _not_found(version: SparkVersion) -> str:
    """What to do if no repository has the connector."""
    return (
        f"{version.not_locked}. {KNOWN_SPARK}. Or set {MAVEN_ENV} to a Maven "
        "repository that has this one."
    )


def attach(spark: SparkSession) -> None:
    """Attach to a session, as described in `KafkaUtils.attach`."""
    if is_connect(spark):
        _attach_connect(spark)
        return
    jvm = SparkJvm.of(spark)
    if jvm is None:
        raise SparkSetupError(
            "The session is stopped, so this process can't reach its JVM. Make a new "
            "one with the settings of KafkaUtils.spark_conf()."
        )
    version = running_spark(jvm)
    if jvm.load_class(CONNECTOR_CLASS) is None:
        connector = connector_of(version)
        if connector is None:
            log.warning("%s", not_locked(version))
            if address := repository():
                jvm.append_property("spark.jars.repositories", address)
            _add_from_ivy(spark, version)
        for jar in connector or ():
            _add_jar(spark, str(jar))
    if jvm.load_class(API_CLASS) is None and jvm.kafka_package != RELOCATED:
        _add_jar(spark, str(version.helper))
    jvm.use_class_loader()
    _check_pairings(spark)


def _add_from_ivy(spark: SparkSession, version: SparkVersion) -> None:
    try:
        _add_jar(spark, f"ivy://{version.connector}")
    except Exception as error:
        cause = cause_of(str(error))
        if version.connector not in cause:
            raise
        raise SparkSetupError(f"{cause}.", _not_found(version)) from error


def _check_pairings(spark: SparkSession) -> None:
    """Check what was on the class path before, which can't be removed again."""
    wrong = [
        str(finding)
        for finding in mismatches(spark)
        if finding.subject in ("connector", "helper jar")
    ]
    if wrong:
        raise SparkSetupError("\n".join(wrong))


def _attach_connect(spark: SparkSession) -> None:
    if knows_kafka(spark):
        return
    scala = connector_scala(spark.version)
    jars = connector_of(SparkVersion(spark.version, scala)) if scala else None
    if jars is None:
        raise SparkSetupError(
            f"The Connect server runs Spark {spark.version}, whose Kafka connector the "
            "kit does not have. Start the server with spark.jars.packages="
            f"org.apache.spark:{CONNECTOR}_<its Scala version>:"
            f"{apache_version(spark.version)}"
        )
    spark.addArtifacts(*map(str, jars))


def _add_jar(spark: SparkSession, jar: str) -> None:
    spark.sql(f"ADD JAR '{jar}'" if " " in jar else f"ADD JAR {jar}")
