"""The helper and the Kafka connector on a Spark session: settings for a new one, or
added to one that runs.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spark_kafka_testkit import _gateway, _loopback
from spark_kafka_testkit._jars import (
    connector_jars,
    connector_scala,
    fetch,
    own_jar,
)
from spark_kafka_testkit._java import chooses_collector
from spark_kafka_testkit.errors import SparkSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "SparkVersion",
    "attach",
    "installed_spark",
    "knows_kafka",
    "running_spark",
    "spark_and_jars",
    "spark_conf",
]

# What makes the small queries of tests quick, and changes no result.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}
DRIVER_OPTIONS = "spark.driver.extraJavaOptions"
QUICK_COLLECTOR = "-XX:+UseSerialGC"


@dataclass(frozen=True)
class SparkVersion:
    """A Spark version and the Scala binary version it is built with."""

    spark: str
    scala: str

    @property
    def connector(self) -> str:
        """The Maven coordinate of the Kafka connector that belongs to it."""
        return f"org.apache.spark:spark-sql-kafka-0-10_{self.scala}:{self.spark}"

    @property
    def helper(self) -> Path:
        """The helper jar for it."""
        return own_jar(f"spark-kafka-testkit_{self.scala}.jar")


def installed_spark() -> SparkVersion:
    """The Spark that a new session will run.

    Raises:
        SparkSetupError: there is none.
    """
    return spark_and_jars()[0]


def spark_and_jars() -> tuple[SparkVersion, Path]:
    """The Spark that a new session will run, read off the name of its core jar, under
    SPARK_HOME or in the pyspark package; and the folder of its jars.

    Raises:
        SparkSetupError: there is none.
    """
    homes = [Path(os.environ["SPARK_HOME"])] if os.environ.get("SPARK_HOME") else []
    spec = importlib.util.find_spec("pyspark")
    homes += [
        Path(place) for place in (spec.submodule_search_locations or () if spec else ())
    ]
    for home in homes:
        for jar in (home / "jars").glob("spark-core_*.jar"):
            if match := re.fullmatch(r"spark-core_(\d+\.\d+)-(.+)\.jar", jar.name):
                return SparkVersion(spark=match[2], scala=match[1]), home / "jars"
    raise SparkSetupError(
        "No Spark was found: SPARK_HOME is not set, and the pyspark package is not "
        "installed (or brings no jars). "
        "Install it with: pip install 'spark-kafka-testkit[spark]'"
    )


def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
    """The settings that put the helper and the matching Kafka connector on a new
    session, and make it quick for tests: no UI, 2 shuffle partitions, the serial
    garbage collector (unless the environment names one). A local session listens on
    loopback.

    Args:
        conf: settings you have already: they win, what the kit adds is appended to
            their lists, and all of them are returned.

    Raises:
        SparkSetupError: no Spark is installed.
        JarError: a jar can't be found or fetched.
    """
    version = installed_spark()
    settings = {**QUICK, **_loopback.driver_settings(conf or {}), **(conf or {})}
    options = settings.get(DRIVER_OPTIONS, "")
    if not chooses_collector(options):
        settings[DRIVER_OPTIONS] = f"{options} {QUICK_COLLECTOR}".strip()
    connector = connector_jars(version.spark, version.scala)
    jars = [version.helper]
    if connector is not None:
        jars += fetch(connector, f"the Kafka connector for Spark {version.spark}")
    else:
        _append(settings, "spark.jars.packages", version.connector)
    for jar in jars:
        _append(settings, "spark.jars", str(jar))
    return settings


def _append(settings: dict[str, str], name: str, item: str) -> None:
    items = [present for present in settings.get(name, "").split(",") if present]
    settings[name] = ",".join(items if item in items else [*items, item])


def attach(spark: SparkSession) -> None:
    """Adds the helper and the matching Kafka connector to a running session, where they
    are not there yet.

    Jars that are added to a live session are seen by the Python thread that calls this.
    Every Python thread has a JVM thread of its own: call it in each that reads or
    writes Kafka by this session.

    A Spark Connect session gets the connector, from this machine, for itself alone; the
    helper runs in a JVM on this machine.

    Raises:
        SparkSetupError: a session that is stopped; one whose class path has a connector
            or helper that does not go with it, which the text names; a Connect server
            of a Spark version whose connector is not in the lock.
        JarError: a jar can't be found or fetched.
    """
    if _gateway.is_connect(spark):
        _attach_connect(spark)
        return
    if _gateway.jvm_of(spark) is None:
        raise SparkSetupError(
            "The session has no JVM in reach of this process: it is stopped. Make a "
            "new one, with the settings of KafkaUtils.spark_conf()."
        )
    version = running_spark(spark)
    if _gateway.load_class(spark, _gateway.CONNECTOR_CLASS) is None:
        connector = connector_jars(version.spark, version.scala)
        if connector is None:
            _add_jar(spark, f"ivy://{version.connector}")
        else:
            for jar in fetch(
                connector, f"the Kafka connector for Spark {version.spark}"
            ):
                _add_jar(spark, str(jar))
    if _gateway.load_class(spark, _gateway.API_CLASS) is None:
        _add_jar(spark, str(version.helper))
    _gateway.use_session_class_loader(spark)
    _check_pairings(spark)


def _check_pairings(spark: SparkSession) -> None:
    """What was on the class path before can't be taken off it again."""
    from spark_kafka_testkit.preflight import mismatches

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
    connector = connector_jars(spark.version, scala) if scala else None
    if connector is None:
        raise SparkSetupError(
            f"The Connect server runs Spark {spark.version}, whose Kafka connector the "
            "kit does not have. Start the server with spark.jars.packages="
            f"org.apache.spark:spark-sql-kafka-0-10_<its Scala version>:{spark.version}"
        )
    jars = fetch(connector, f"the Kafka connector for Spark {spark.version}")
    spark.addArtifacts(*map(str, jars))


def knows_kafka(spark: SparkSession) -> bool:
    """Whether the session has a source named `kafka`; no broker is asked."""
    from pyspark.errors import AnalysisException

    options = {"kafka.bootstrap.servers": "127.0.0.1:1", "subscribe": "any"}
    try:
        spark.read.format("kafka").options(**options).load().schema  # noqa: B018
    except AnalysisException as error:
        if "kafka" in str(error):
            return False
        raise
    return True


def running_spark(spark: SparkSession) -> SparkVersion:
    """The Spark of a classic session."""
    scala = re.match(r"\d+\.\d+", _gateway.scala_version(spark))
    assert scala is not None
    return SparkVersion(spark=spark.version, scala=scala[0])


def _add_jar(spark: SparkSession, jar: str) -> None:
    spark.sql(f"ADD JAR '{jar}'" if " " in jar else f"ADD JAR {jar}")
