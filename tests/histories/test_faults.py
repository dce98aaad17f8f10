"""The oracle's own worth: readers with a fault, which the histories must find."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import spark_kafka_testkit
from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import connector_jars, fetch
from spark_kafka_testkit._jvm.java import find_java

ROOT = Path(__file__).parents[2]
PACKAGE = Path(spark_kafka_testkit.__file__).parent
SCALA = ROOT / "jvm/helper/src/main"
OWNER = ROOT / "jvm/owner/src/main/scala"
HISTORIES = "200"
STALL_SECONDS = "3"
ARGUMENTS = ["-qx", "-p", "no:cacheprovider", "tests/histories/test_histories.py"]


@dataclass(frozen=True)
class Edit:
    """One line of a file, and what the fault makes of it."""

    file: str
    line: str
    fault: str

    def apply(self, folder: Path) -> None:
        (file,) = folder.rglob(self.file)
        text = file.read_text()
        assert text.count(self.line) == 1, f"{self.file} has no line {self.line!r}"
        file.write_text(text.replace(self.line, self.fault))


PYTHON = {
    "stops at the last record": Edit(
        "offsets.py",
        "return self.position >= self.target",
        "return self._beginning >= self.target or (self._last or 0) + 1 >= self.target",
    ),
    "resets to the latest offset": Edit(
        "consumer.py", '"auto_offset_reset": "none"', '"auto_offset_reset": "latest"'
    ),
    "takes the last stable offset for the end": Edit(
        "admin.py",
        "beginning[partition], end[partition], stable[partition]",
        "beginning[partition], stable[partition], stable[partition]",
    ),
    "keeps records past the target": Edit(
        "offsets.py", "wanted = offset < self.target", "wanted = True"
    ),
    "begins one offset late": Edit(
        "topic_reader.py",
        "consumer.seek(partition, self._progress[partition].position)",
        "consumer.seek(partition, self._progress[partition].position + 1)",
    ),
}
JVM = {
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


@pytest.mark.parametrize("fault", PYTHON)
def test_a_fault_of_the_python_reader_is_found(
    fault: str, kafka: KafkaUtils, tmp_path: Path
) -> None:
    """A copy of the package with one line changed reads the histories."""
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    PYTHON[fault].apply(tmp_path)
    assert_found(kafka, "kafka-python", {"PYTHONPATH": str(tmp_path)})


@pytest.mark.parametrize("fault", JVM)
def test_a_fault_of_the_jvm_reader_is_found(
    fault: str, kafka: KafkaUtils, tmp_path: Path
) -> None:
    """A helper jar, built from sources with one line changed, reads the histories."""
    sources = tmp_path / "sources"
    for name in ("scala", "scala-2.13"):
        shutil.copytree(SCALA / name, sources / name)
    shutil.copytree(OWNER, sources / "owner")
    JVM[fault].apply(sources)
    build(sources, tmp_path / "spark-kafka-testkit_2.13.jar")
    assert_found(kafka, "jvm", {"SPARK_KAFKA_TESTKIT_JARS": str(tmp_path)})


def assert_found(kafka: KafkaUtils, client: str, more: dict[str, str]) -> None:
    """Runs the histories in a process of its own, which must fail by its assertion."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ARGUMENTS],
        cwd=ROOT,
        env={
            **os.environ,
            "SPARK_KAFKA_TESTKIT_TEST_BROKER": kafka.broker,
            "HISTORIES": HISTORIES,
            "HISTORIES_CLIENT": client,
            "HISTORIES_STALL_SECONDS": STALL_SECONDS,
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
    assert "1 failed" in done.stdout, done.stdout[-3000:]
    assert "test_a_read_gives_what_the_oracle_says(" in done.stdout, done.stdout[-3000:]


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
