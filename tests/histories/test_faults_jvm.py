"""The histories find faults in the helper's reader."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._clients.jvm import JvmClient
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit._jvm.own_helper import _HelperJvm
from spark_kafka_testkit._model.client_config import ClientConfig
from tests.quick_java import QUICK_JAVA

from .faults import ROOT, Edit, assert_found

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """For each fault, the classes of the file that it is in.

    Faults in different files are compiled at once.
    """
    found: dict[str, list[Path]] = {}
    while left := [name for name in FAULTS if name not in found]:
        folder = tmp_path_factory.mktemp("faults")
        shutil.copytree(SCALA, folder / "sources")
        at_once = {FAULTS[name].file: name for name in left}
        sources = {n: FAULTS[n].apply(folder / "sources") for n in at_once.values()}
        compile_to(folder / "classes", *sources.values())
        for name, source in sources.items():
            found[name] = [*(folder / "classes").rglob(f"{source.stem}*.class")]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_jvm_reader_is_found(
    fault: str,
    classes: dict[str, list[Path]],
    kafka: KafkaUtils,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A helper jar with one changed line in its sources reads the histories."""
    jar = installed_spark().helper
    put(classes[fault], jar, tmp_path / jar.name)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", str(tmp_path))
    jvm = _HelperJvm()
    try:
        client = JvmClient(jvm.helper, ClientConfig(kafka.broker))
        assert_found(kafka, spark, client, monkeypatch)
        client.close()
    finally:
        jvm._process._popen.kill()  # no archive of this jar is of use
        jvm.stop()


def compile_to(classes: Path, *sources: Path) -> None:
    """Compile source files with the Scala compiler of Spark.

    All other classes come from the helper jar.
    """
    import pyspark

    spark = installed_spark()
    connector = connector_jars(spark.spark, spark.scala)
    assert connector is not None
    jars = [spark.helper, *Path(pyspark.__file__).parent.glob("jars/*.jar")]
    class_path = os.pathsep.join(map(str, [*jars, *fetch(connector, "the connector")]))
    java = [str(find_java().executable), *QUICK_JAVA.split(), "-Xss4m"]
    compiler = ["-cp", class_path, "scala.tools.nsc.Main", "-nowarn", "-usejavacp"]
    classes.mkdir()
    subprocess.run(
        [*java, *compiler, "-d", str(classes), *map(str, sources)],
        check=True,
        capture_output=True,
    )


def put(classes: list[Path], jar: Path, copy: Path) -> None:
    """Copy a jar, with these classes instead of its own of the same names."""
    ours = {file.name: file for file in classes}
    assert ours
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(copy, "w") as target:
        names = {Path(name).name for name in source.namelist()}
        assert ours.keys() <= names
        for name in source.namelist():
            file = ours.get(Path(name).name)
            data = source.read(name) if file is None else file.read_bytes()
            target.writestr(name, data)
