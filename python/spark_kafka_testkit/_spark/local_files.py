"""The file system by which sessions of ours write their checkpoints: without a process
for each file, which costs more than most batches of tests do.
"""

from __future__ import annotations

from collections.abc import Mapping

from spark_kafka_testkit._jvm.spark_jvm import finds_class
from spark_kafka_testkit._spark.loopback import may_be_local

__all__ = ["file_settings"]

FILE_SYSTEM = "spark.hadoop.fs.AbstractFileSystem.file.impl"
OURS = "sparkkafka.testkit.NioLocalFs"


def file_settings(
    conf: Mapping[str, str], submitted: Mapping[str, str]
) -> dict[str, str]:
    """What has a session take it; nothing where the user has chosen another, and where
    a JVM of Spark's would not find it.

    Args:
        conf: all settings, those of the user and of the platform.
        submitted: those of PYSPARK_SUBMIT_ARGS among them.
    """
    if FILE_SYSTEM in conf or not may_be_local(conf):
        return {}
    if "spark.jars" in submitted or finds_class(OURS) is False:
        return {}
    return {FILE_SYSTEM: OURS}
