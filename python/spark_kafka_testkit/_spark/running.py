"""What runs in a session, and where its connector has Kafka's classes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.installed_spark import SparkVersion
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm
from spark_kafka_testkit._model.client_config import RELOCATED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["kafka_package", "knows_kafka", "running_spark"]


def knows_kafka(spark: SparkSession) -> bool:
    """Whether the session has a source named `kafka`, without asking a broker."""
    from pyspark.errors import AnalysisException

    options = {"kafka.bootstrap.servers": "127.0.0.1:1", "subscribe": "any"}
    try:
        spark.read.format("kafka").options(**options).load().schema  # noqa: B018
    except AnalysisException as error:
        if "kafka" in str(error):
            return False
        raise
    return True


def kafka_package() -> str:
    """The prefix of Kafka's class names, empty or `kafkashaded.`.

    It is that of the active session, or of a Databricks cluster reached through Spark
    Connect.
    """
    jvm = SparkJvm.active()
    if jvm is not None:
        return jvm.kafka_package or ""
    return RELOCATED if os.environ.get("DATABRICKS_RUNTIME_VERSION") else ""


def running_spark(jvm: SparkJvm) -> SparkVersion:
    """The Spark of a classic session."""
    scala = re.match(r"\d+\.\d+", jvm.scala_version)
    assert scala is not None
    return SparkVersion(spark=jvm.session.version, scala=scala[0])
