"""Each wrong pairing that people meet, caused for real, and what the preflight says of
it, as a user sees it.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import AnalysisException

from spark_kafka_testkit import KafkaUtils, preflight
from spark_kafka_testkit._jvm.jars import own_jar
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.preflight import Finding

from .conftest import VERSION, RunScript, connector, jars_option

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHOW = """
from spark_kafka_testkit import preflight

def show(spark):
    for finding in preflight.check_session(spark):
        if finding.state != "ok":
            print(finding.state, finding)

def spark_says(action):
    try:
        action()
    except Exception as error:
        words = ("Failed to find", "NoClassDefFound", "NoSuchMethod", "ClassNotFound")
        lines = str(error).splitlines()
        print("Spark:", next(li for li in lines if any(w in li for w in words)))
"""
OTHER_SCALA = "2.12" if VERSION.scala == "2.13" else "2.13"
OTHER_SPARK = {"2.12": "3.5.7", "2.13": "4.1.1"}
if VERSION.spark == "4.1.1":
    OTHER_SPARK["2.13"] = "4.0.0"
ADVICE = (
    "Build the session with KafkaUtils.spark_conf(), call KafkaUtils.attach(spark), or "
    f"set spark.jars.packages to {VERSION.connector} before it starts."
)


def test_a_missing_connector_is_reported(run_script: RunScript) -> None:
    """Spark says 'Failed to find data source: kafka'."""
    out = run_script(
        SHOW + "spark = builder.getOrCreate()\n"
        "spark_says(lambda: read(spark))\nshow(spark)\n"
    )
    says, told = out.splitlines()[-2:]
    assert "Failed to find data source: kafka" in says or "DATA_SOURCE" in says
    assert told == (
        "error connector: not on the class path (Spark: 'Failed to find data source: "
        f"kafka'). {ADVICE}"
    )


def test_a_connector_for_another_scala_is_reported(run_script: RunScript) -> None:
    """Spark says 'NoClassDefFoundError: scala/...', or another error of its kind."""
    spark = OTHER_SPARK[OTHER_SCALA]
    out = run_script(
        SHOW + "spark = builder.getOrCreate()\n"
        "spark_says(lambda: read(spark))\nshow(spark)\n"
        "try:\n    kafka.attach(spark)\n"
        "except errors.SparkSetupError as error:\n    print('attach:', error)\n"
        "with KafkaUtils(bootstrap_servers=kafka.broker): pass\n",
        submit_args=jars_option(*connector(spark, OTHER_SCALA)),
    )
    says, told, attach, setup = [
        line for line in out.splitlines() if "Error: " in line or "connector" in line
    ][:4]
    assert (
        "NoSuchMethodError: 'scala" in says
        or "Error: scala/" in says
        or "NoClassDefFoundError: org/apache/spark/internal/LogKey" in says  # on 3.5
    )
    text = (
        f"connector: spark-sql-kafka-0-10_{OTHER_SCALA}-{spark}.jar is built for Scala "
        f"{OTHER_SCALA}, but Spark runs Scala {VERSION.scala} (Spark: "
        "'NoClassDefFoundError: scala/...' or 'NoSuchMethodError: scala...'). Remove "
        f"it. {ADVICE}"
    )
    assert (told, attach, setup) == (f"error {text}", f"attach: {text}", text)


@pytest.mark.parametrize("group", ["", "org.apache.spark_"])
def test_a_connector_of_another_spark_is_reported(
    group: str, run_script: RunScript, tmp_path: Path
) -> None:
    """It has the same Scala, and another version. Ivy puts the group before the name
    of a jar.
    """
    if VERSION.scala == "2.12":
        pytest.skip("the lock has one Spark of Scala 2.12")
    spark = OTHER_SPARK["2.13"]
    jars = [
        Path(shutil.copy(jar, tmp_path / f"{group}{jar.name}"))
        for jar in connector(spark, "2.13")
    ]
    out = run_script(
        SHOW + "show(builder.getOrCreate())\n", submit_args=jars_option(*jars)
    )
    assert out.splitlines()[-1] == (
        f"error connector: {group}spark-sql-kafka-0-10_2.13-{spark}.jar belongs to "
        f"Spark {spark}, but this is {VERSION.spark}. Remove it. {ADVICE}"
    )


def test_a_connector_without_what_it_needs_is_reported(run_script: RunScript) -> None:
    """The one jar is there alone, as from a download by hand."""
    (jar,) = (jar for jar in connector() if "sql-kafka" in jar.name)
    out = run_script(
        SHOW + "spark = builder.getOrCreate()\n"
        "spark_says(lambda: read(spark))\nshow(spark)\n",
        submit_args=jars_option(jar),
    )
    says, told = out.splitlines()[-2:]
    assert "kafka" in says or "pool2" in says
    assert told == (
        f"error connector: {jar.name} is there, but what it needs is missing: "
        "kafka-clients, spark-token-provider-kafka-0-10, commons-pool2 (Spark: "
        f"'NoClassDefFoundError'). {ADVICE}"
    )


def test_jars_that_were_set_when_the_session_ran_are_reported(
    run_script: RunScript,
) -> None:
    """getOrCreate() takes the setting, and loads nothing."""
    out = run_script(
        SHOW
        + """
builder.getOrCreate()
for name, value in KafkaUtils.spark_conf().items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark_says(lambda: read(spark))
show(spark)
"""
    )
    _, late, missing = out.splitlines()[-3:]
    assert late == (
        "error session: spark.jars was set after the session had started, too late to "
        "load anything. Stop the session first (spark.stop()) and build it with these "
        "settings, or call KafkaUtils.attach(spark)."
    )
    assert missing.startswith("error connector: not on the class path")


def test_a_helper_for_another_scala_is_reported(run_script: RunScript) -> None:
    """The preflight finds it, and so does the first call."""
    helper = own_jar(f"spark-kafka-testkit_{OTHER_SCALA}.jar")
    out = run_script(
        SHOW
        + """
spark = builder.getOrCreate()
show(spark)
try:
    kafka.get_all_records(spark, topic)
except errors.HelperError as error:
    print(error)
""",
        submit_args=jars_option(helper, *connector()),
    )
    told, raised = out.splitlines()[-2:]
    seen, advice = (
        f"The helper jar on Spark's class path, spark-kafka-testkit_{OTHER_SCALA}.jar, "
        f"is built for Scala {OTHER_SCALA}, but Spark runs Scala ",
        "Use the jar for its Scala version: KafkaUtils.spark_conf() names it.",
    )
    assert raised.startswith(f"{seen}{VERSION.scala}.")
    assert raised.endswith(f". {advice}")
    assert told == f"error helper jar: {raised}"


def test_a_session_as_it_should_be_is_described(spark: SparkSession) -> None:
    """There is nothing to do, and what there is is named."""
    findings = preflight.check_session(spark)
    lines = [f"{finding.state} {finding}" for finding in findings]
    assert lines[0] == f"ok Spark: {VERSION.spark}, Scala {VERSION.scala}."
    assert lines[1] == (
        f"ok connector: spark-sql-kafka-0-10_{VERSION.scala}-{VERSION.spark}.jar."
    )
    assert lines[2].startswith("ok kafka-clients: kafka-clients-")
    assert lines[3].startswith(
        f"ok helper jar: spark-kafka-testkit_{VERSION.scala}.jar"
    )
    assert len(lines) == 4


def test_the_archived_twin_of_kafka_python_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """kafka-python-ng owns the same package name."""
    info = tmp_path / "kafka_python_ng-2.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: kafka-python-ng\nVersion: 2.2.3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    first, *rest = preflight.check_packages()
    assert str(first) == (
        "kafka-python: kafka-python-ng 2.2.3 is installed, an archived project with "
        "the same package name `kafka`. Run: pip uninstall -y kafka-python-ng "
        "kafka-python && pip install kafka-python"
    )
    assert first.state == "error"
    version = importlib.metadata.version("kafka-python")
    assert Finding("kafka-python", "ok", version) in rest


def test_missing_java_docker_and_broker_are_reported(
    kafka: KafkaUtils, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is a warning or an error, with advice; and so is that no broker can be had,
    where none is given.
    """
    findings = {
        f.subject: f for f in preflight.check(config=ClientConfig(kafka.broker))
    }
    assert findings["broker"] == Finding(
        "broker", "ok", f"it answers at {kafka.broker}"
    )
    assert findings["Spark"].state == findings["Java"].state == "ok"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    findings = {
        f.subject: f for f in preflight.check(config=ClientConfig("127.0.0.1:1"))
    }
    assert str(findings["Java"]).startswith(
        f"Java: JAVA_HOME is {tmp_path}, but {tmp_path}/bin/java does not exist or "
        "can't be run: a Spark session can't start. The embedded broker needs Java 17 "
        "or newer. Install one"
    )
    assert (findings["Docker"].state, findings["Java"].state) == ("warning", "error")
    assert (
        findings["Docker"].advice == "Without Docker, the kit uses the embedded broker."
    )
    assert findings["broker"].state == "error"
    assert findings["broker"].seen.startswith("No Kafka broker answers at 127.0.0.1:1")
    assert os.environ["JAVA_HOME"] == str(tmp_path)
    findings = {f.subject: f for f in preflight.check()}
    assert str(findings["broker"]) == (
        "broker: none can be started here: neither an embedded one nor a container. "
        "Fix what is listed above, or set SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS to the "
        "address of a broker."
    )


@pytest.mark.parametrize(
    ("version", "java", "state"),
    [("3.5.7", "11.0.1", "warning"), ("4.1.1", "11.0.1", "error")],
)
def test_an_old_java_is_enough_for_some_sparks(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: str,
    java: str,
    state: str,
) -> None:
    """Only the kit's own JVMs lack one then."""
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / f"spark-core_2.13-{version}.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").touch(0o755)
    (tmp_path / "release").write_text(f'JAVA_VERSION="{java}"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (finding,) = preflight.check_java()
    assert finding.state == state
    assert finding.seen.startswith(f"{tmp_path}/bin/java is Java {java}")


def test_a_connect_server_of_a_vendors_gets_apaches_connector() -> None:
    """Maven has no other."""

    class Reader:
        def __getattr__(self, name: str) -> Reader:
            return self

        def __call__(self, *_: object, **__: object) -> Reader:
            return self

        @property
        def schema(self) -> object:
            raise AnalysisException("Failed to find the data source: kafka.")

    session_class = type(
        "SparkSession", (), {"version": "3.5.4-amzn-0", "read": Reader()}
    )
    session_class.__module__ = "pyspark.sql.connect.session"
    _, finding = preflight.check_session(session_class())
    assert str(finding) == (
        "connector: the Connect server has none (Spark: 'Failed to find data source: "
        "kafka'). Call KafkaUtils.attach(spark), or start the server with "
        "spark.jars.packages=org.apache.spark:spark-sql-kafka-0-10_<its Scala version>:"
        "3.5.4."
    )


def test_a_connect_server_that_cant_reach_this_machines_broker_is_reported() -> None:
    """A loopback address is another machine's own."""

    class Client:
        host = "spark.example.com"

    session_class = type("SparkSession", (), {"client": Client()})
    session_class.__module__ = "pyspark.sql.connect.session"
    (finding,) = preflight.unreachable(session_class(), "127.0.0.1:19092")
    assert str(finding) == (
        "broker: it is at 127.0.0.1:19092, which only this machine can reach, but the "
        "queries run on spark.example.com, where that address means itself. Use a "
        "broker that both reach: KafkaUtils(bootstrap_servers=...)."
    )
    assert preflight.unreachable(session_class(), "kafka.example.com:9092") == []
    Client.host = "localhost"
    assert preflight.unreachable(session_class(), "127.0.0.1:19092") == []
