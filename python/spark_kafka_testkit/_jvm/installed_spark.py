"""The Spark that is installed here, and its jars."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit._jvm.jars import (
    connector_versions,
    nearest_connector,
    own_jar,
    scala_versions,
)
from spark_kafka_testkit._versions import apache_version, minor_version
from spark_kafka_testkit.errors import JarError, SparkSetupError

__all__ = [
    "CONNECTOR",
    "KNOWN_SPARK",
    "SparkVersion",
    "installed_spark",
    "spark_and_jars",
]

CONNECTOR = "spark-sql-kafka-0-10"
KNOWN_SPARK = (
    "Install the newest kit with a Spark that it knows: pip install --upgrade "
    "'spark-kafka-testkit[spark]'"
)


@dataclass(frozen=True)
class SparkVersion:
    """A Spark version and the Scala binary version it is built with.

    Attributes:
        spark: the version as Spark gives it, including a vendor's suffix.
        scala: for example `2.13`.
    """

    spark: str
    scala: str

    @property
    def apache(self) -> str:
        """The Apache version that it is, or is built from."""
        return apache_version(self.spark)

    @property
    def connector(self) -> str:
        """The Maven coordinate of the Kafka connector that belongs to it."""
        return f"org.apache.spark:{CONNECTOR}_{self.scala}:{self.apache}"

    @property
    def nearest(self) -> str | None:
        """The Spark of the same minor version whose connector the kit has, or None."""
        return nearest_connector(self.spark, self.scala)

    @property
    def not_locked(self) -> str:
        """What is wrong if the kit has no connector for it."""
        known = ", ".join(dict.fromkeys(map(minor_version, connector_versions())))
        return (
            f"Spark {self.spark} with Scala {self.scala} is unknown to this kit, which "
            f"has Kafka connectors for {known}"
        )

    @property
    def without_connector(self) -> str:
        """What to do then."""
        return (
            f"{KNOWN_SPARK}. Otherwise Spark asks its repositories for "
            f"{self.connector}, unless spark.jars or spark.jars.packages names a "
            f"{CONNECTOR}."
        )

    @property
    def helper(self) -> Path:
        """The helper jar for it.

        Raises:
            JarError: the kit has none for this Scala, or it was not found.
        """
        known = scala_versions()
        if self.scala not in known:
            raise JarError(
                f"Spark {self.spark} is built with Scala {self.scala}, but the kit's "
                f"helper only with {' and '.join(known)}.",
                f"{KNOWN_SPARK}.",
            )
        return own_jar(f"spark-kafka-testkit_{self.scala}.jar")


def installed_spark() -> SparkVersion:
    """The Spark that a new session will run.

    Raises:
        SparkSetupError: there is none.
    """
    return spark_and_jars()[0]


def spark_and_jars() -> tuple[SparkVersion, Path]:
    """The Spark that a new session will run, and the folder of its jars.

    The version comes from the name of the core jar, under SPARK_HOME or in the pyspark
    package.

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
            if match := re.fullmatch(r"spark-core_([\d.]+)-(.+)\.jar", jar.name):
                return SparkVersion(spark=match[2], scala=match[1]), home / "jars"
    raise SparkSetupError(
        "No Spark was found: SPARK_HOME is not set, and the pyspark package is not "
        "installed (or has no jars).",
        "Install it with: pip install 'spark-kafka-testkit[spark]'",
    )
