"""The file system with which the kit's sessions write local files.

It starts no process for each file, which would cost more than most batches of tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from spark_kafka_testkit._jvm.spark_jvm import finds_class, is_on_class_path
from spark_kafka_testkit._spark.loopback import may_be_local

__all__ = ["file_settings"]

FOR_CHECKPOINTS = "spark.hadoop.fs.AbstractFileSystem.file.impl"
FOR_FILES = "spark.hadoop.fs.file.impl"
OURS = {
    FOR_CHECKPOINTS: "sparkkafka.testkit.NioLocalFs",
    FOR_FILES: "sparkkafka.testkit.NioLocalFileSystem",
}


def file_settings(
    conf: Mapping[str, str], submitted: Mapping[str, str], *, on_class_path: bool
) -> dict[str, str]:
    """The settings that make a session use it.

    Empty if the user has chosen another file system, or if Spark's JVM would not find
    this one.

    Args:
        conf: all settings, of the user and of the platform.
        submitted: those of PYSPARK_SUBMIT_ARGS among them.
        on_class_path: whether the session's JVM will start with the helper on its own
            class path. spark-submit uses the file system for files to look for
            `spark.jars`, before these are on a class path.
    """
    if not may_be_local(conf):
        return {}
    names = [FOR_FILES, FOR_CHECKPOINTS]
    if "spark.jars" in submitted or finds_class(OURS[FOR_CHECKPOINTS]) is False:
        return {}
    if not (on_class_path or is_on_class_path(OURS[FOR_FILES])):
        names.remove(FOR_FILES)
    return {name: OURS[name] for name in names if name not in conf}
