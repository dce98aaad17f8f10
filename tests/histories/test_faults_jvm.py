"""The oracle's own worth: faults in the helper's reader are found."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import spark_kafka_testkit
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from spark_kafka_testkit._jvm.java import find_java

from .faults import ROOT, Edit, assert_found

SCALA = ROOT / "jvm/helper/src/main"
OWNER = ROOT / "jvm/owner/src/main/scala"
FAULTS = {
    "stops at the last record": Edit(
        "Progress.scala",
        "def isDone: Boolean = at >= target",
        "def isDone: Boolean = beginning >= target || lastOffset + 1 >= target",
    ),
    "resets to the latest offset": Edit(
        "Cluster.scala",
        '"auto.offset.reset" -> "none"',
        '"auto.offset.reset" -> "latest"',
    ),
    "takes the last stable offset for the end": Edit(
        "TopicAdmin.scala",
        "await(end).get(partition).offset,",
        "await(stable).get(partition).offset,",
    ),
    "keeps records past the target": Edit(
        "Progress.scala", "val wanted = offset < target", "val wanted = true"
    ),
    "begins one offset late": Edit(
        "TopicReader.scala",
        "consumer.seek(partition, progress(partition).position))",
        "consumer.seek(partition, progress(partition).position + 1))",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_jvm_reader_is_found(
    fault: str, kafka: KafkaUtils, tmp_path: Path
) -> None:
    """A helper jar, built from sources with one line changed, reads the histories."""
    sources = tmp_path / "sources"
    for name in ("scala", "scala-2.13"):
        shutil.copytree(SCALA / name, sources / name)
    shutil.copytree(OWNER, sources / "owner")
    FAULTS[fault].apply(sources)
    build(sources, tmp_path / "spark-kafka-testkit_2.13.jar")
    assert_found(kafka, "jvm", {"SPARK_KAFKA_TESTKIT_JARS": str(tmp_path)})


def build(sources: Path, jar: Path) -> None:
    """A helper jar, by the Scala compiler that Spark ships."""
    import pyspark

    version = spark_kafka_testkit.__version__
    (sources / "BuildInfo.scala").write_text(
        "package sparkkafka.testkit\n"
        f'private[testkit] object BuildInfo {{ val version: String = "{version}" }}\n'
    )
    spark = installed_spark()
    connector = connector_jars(spark.spark, spark.scala)
    assert connector is not None
    jars = [*Path(pyspark.__file__).parent.glob("jars/*.jar")]
    class_path = os.pathsep.join(map(str, [*jars, *fetch(connector, "the connector")]))
    compiler = ["-cp", class_path, "scala.tools.nsc.Main", "-nowarn", "-usejavacp"]
    files = [str(file) for file in sources.rglob("*.scala")]
    subprocess.run(
        [find_java().executable, "-Xss4m", *compiler, "-d", jar, *files],
        check=True,
        capture_output=True,
    )
