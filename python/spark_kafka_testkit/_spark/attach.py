"""The helper and the Kafka connector on a Spark session, a new one or one that runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.helper import API_CLASS
from spark_kafka_testkit._jvm.installed_spark import (
    CONNECTOR,
    SparkVersion,
    spark_and_jars,
)
from spark_kafka_testkit._jvm.jars import (
    MAVEN_CENTRAL,
    MAVEN_ENV,
    connector_jars,
    connector_scala,
    fetch,
)
from spark_kafka_testkit._jvm.java import chooses_collector
from spark_kafka_testkit._jvm.maven import Repository
from spark_kafka_testkit._jvm.spark_jvm import CONNECTOR_CLASS, SparkJvm, is_connect
from spark_kafka_testkit._model.client_config import RELOCATED
from spark_kafka_testkit._spark.local_files import file_settings
from spark_kafka_testkit._spark.loopback import driver_settings, local_host_name
from spark_kafka_testkit._spark.pairing import mismatches
from spark_kafka_testkit._spark.running import knows_kafka, running_spark
from spark_kafka_testkit._spark.submit import (
    cause_of,
    default_settings,
    start_again,
    submitted_settings,
)
from spark_kafka_testkit._versions import apache_version
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["attach", "new_session", "spark_conf"]

log = logging.getLogger("spark_kafka_testkit")

# What makes the small queries of tests quick, and changes no result.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}
DRIVER_OPTIONS = "spark.driver.extraJavaOptions"
QUICK_COLLECTOR = "-XX:+UseSerialGC"


def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
    """See `KafkaUtils.spark_conf`."""
    version, folder = spark_and_jars()
    submitted = submitted_settings()
    given = {**default_settings(folder.parent), **submitted}
    quick = {name: value for name, value in QUICK.items() if name not in given}
    known = {**given, **(conf or {})}
    own = {**quick, **driver_settings(known), **file_settings(known, submitted)}
    settings = {**own, **(conf or {})}
    options = settings.get(DRIVER_OPTIONS, given.get(DRIVER_OPTIONS, ""))
    defaults = {**given, **settings}.get("spark.driver.defaultJavaOptions", "")
    if not chooses_collector(defaults, options):
        settings[DRIVER_OPTIONS] = f"{options} {QUICK_COLLECTOR}".strip()
    jars = [version.helper]
    packages = settings.get("spark.jars.packages", given.get("spark.jars.packages", ""))
    connector = _connector(version)
    if connector is None:
        log.warning("%s", _sentence(version.not_locked))
        _append(settings, given, "spark.jars.packages", version.connector)
        if repository := _repository():
            _append(settings, given, "spark.jars.repositories", repository)
    elif CONNECTOR not in packages:
        jars += connector
    for jar in jars:
        _append(settings, given, "spark.jars", str(jar))
    if "spark.jars" in submitted and CONNECTOR not in submitted["spark.jars"]:
        # `--jars` hides `spark.jars` from the driver, which looks here as well
        for jar in jars:
            _append(settings, given, "spark.driver.extraClassPath", str(jar), ":")
    return settings


def _append(
    settings: dict[str, str],
    given: Mapping[str, str],
    name: str,
    entry: str,
    separator: str = ",",
) -> None:
    """Adds to a list of the settings; where they have none, to what it is without."""
    listed = settings.get(name, given.get(name, ""))
    entries = [present for present in listed.split(separator) if present]
    if entry not in entries:
        entries.append(entry)
    settings[name] = separator.join(entries)


def _connector(version: SparkVersion) -> list[Path] | None:
    """The connector's jars, fetched; None where the kit has none for it."""
    jars = connector_jars(version.spark, version.scala)
    if jars is None:
        return None
    if version.nearest != version.apache:
        log.info(
            "Spark %s gets the Kafka connector of Spark %s, the nearest of its minor "
            "version that the kit has",
            version.spark,
            version.nearest,
        )
    return fetch(jars, f"the Kafka connector for Spark {version.nearest}")


def _repository() -> str | None:
    """The user's mirror of Maven Central, for Ivy.

    User and password are left out: Ivy does not take them from there, and Spark shows
    its settings.
    """
    if not os.environ.get(MAVEN_ENV):
        return None
    mirror = Repository.of_environment(MAVEN_ENV, MAVEN_CENTRAL)
    if mirror.login is not None:
        log.warning(
            "Spark's Ivy takes no user and password from %s: it needs them in a file "
            "that spark.jars.ivySettings names",
            mirror.login,
        )
    return mirror.url


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def new_session(conf: Mapping[str, str]) -> SparkSession:
    """A classic session with these settings, and those of `spark_conf()`.

    Raises:
        SparkSetupError: Spark's JVM ended at its start; the text has the reason, which
            PySpark does not tell.
        JarError: a jar can't be found or fetched.
    """
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    settings = spark_conf(conf)
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        with local_host_name(settings):
            return builder.getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA_GATEWAY_EXITED" not in str(error):
            raise
        version, folder = spark_and_jars()
        with local_host_name(settings):
            cause = cause_of(start_again(folder.parent, settings))
        advice = ""
        if version.connector in cause:
            advice = (
                f" Spark {version.spark} needs this connector. Set {MAVEN_ENV} to a "
                "Maven repository that has it, or install a Spark whose connector the "
                f"kit has: pip install 'spark-kafka-testkit[spark]'."
            )
        raise SparkSetupError(
            f"Spark's JVM ended before the session was there: {cause}.{advice}"
        ) from error


def attach(spark: SparkSession) -> None:
    """See `KafkaUtils.attach`."""
    if is_connect(spark):
        _attach_connect(spark)
        return
    jvm = SparkJvm.of(spark)
    if jvm is None:
        raise SparkSetupError(
            "The session has no JVM in reach of this process: it is stopped. Make a "
            "new one, with the settings of KafkaUtils.spark_conf()."
        )
    version = running_spark(jvm)
    if jvm.load_class(CONNECTOR_CLASS) is None:
        connector = _connector(version)
        if connector is None:
            log.warning("%s", _sentence(version.not_locked))
            if repository := _repository():
                jvm.append_property("spark.jars.repositories", repository)
            _add_jar(spark, f"ivy://{version.connector}")
        for jar in connector or ():
            _add_jar(spark, str(jar))
    if jvm.load_class(API_CLASS) is None and jvm.kafka_package != RELOCATED:
        _add_jar(spark, str(version.helper))
    jvm.use_class_loader()
    _check_pairings(spark)


def _check_pairings(spark: SparkSession) -> None:
    """What was on the class path before can't be taken off it again."""
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
    jars = _connector(SparkVersion(spark.version, scala)) if scala else None
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
