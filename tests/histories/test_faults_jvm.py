"""The histories find faults in the helper's reader."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from spark_kafka_testkit._jvm.java import find_java
from tests.quick_java import QUICK_JAVA

from .faults import ROOT, Edit, assert_found

SCALA = ROOT / "jvm/helper/src/main/scala"
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
    """A helper jar with one changed line in its sources reads the histories."""
    sources = tmp_path / "sources"
    shutil.copytree(SCALA, sources)
    changed = FAULTS[fault].apply(sources)
    jar = installed_spark().helper
    put(compiled(changed, jar, tmp_path / "classes"), jar, tmp_path / jar.name)
    assert_found(kafka, "jvm", {"SPARK_KAFKA_TESTKIT_JARS": str(tmp_path)})


def compiled(source: Path, helper: Path, classes: Path) -> Path:
    """The classes of one source file, compiled with the Scala compiler of Spark.

    All other classes come from the helper jar.
    """
    import pyspark

    spark = installed_spark()
    connector = connector_jars(spark.spark, spark.scala)
    assert connector is not None
    jars = [helper, *Path(pyspark.__file__).parent.glob("jars/*.jar")]
    class_path = os.pathsep.join(map(str, [*jars, *fetch(connector, "the connector")]))
    java = [str(find_java().executable), *QUICK_JAVA.split(), "-Xss4m"]
    compiler = ["-cp", class_path, "scala.tools.nsc.Main", "-nowarn", "-usejavacp"]
    classes.mkdir()
    subprocess.run(
        [*java, *compiler, "-d", str(classes), str(source)],
        check=True,
        capture_output=True,
    )
    return classes


def put(classes: Path, jar: Path, copy: Path) -> None:
    """Copy a jar, with these classes instead of its own."""
    ours = {str(file.relative_to(classes)): file for file in classes.rglob("*.class")}
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(copy, "w") as target:
        assert ours.keys() <= set(source.namelist())
        for name in source.namelist():
            data = ours[name].read_bytes() if name in ours else source.read(name)
            target.writestr(name, data)
