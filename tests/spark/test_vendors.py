"""Sparks that others ship, and patch versions that came after the kit."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._versions import minor_version
from spark_kafka_testkit.preflight import check_spark

from .conftest import VERSION, RunScript, SparkCalled, jars_option

CONNECTOR_JAR = f"spark-sql-kafka-0-10_{VERSION.scala}-{VERSION.nearest}.jar"
VENDORS = f"{VERSION.spark}-amzn-0"
LATER = f"{minor_version(VERSION.spark)}.99"
SHOW = """
from spark_kafka_testkit import preflight

def show(spark):
    for finding in preflight.check_session(spark):
        print(finding.state, finding)
"""
DATABRICKS = {
    "org.apache.spark.sql.kafka010": "KafkaSourceProvider",
    "kafkashaded.org.apache.kafka.clients.producer": "KafkaProducer",
}


@pytest.fixture
def databricks_jar(tmp_path: Path) -> Path:
    """The classes by which Databricks' connector is known, empty ones."""
    for package, name in DATABRICKS.items():
        folder = tmp_path / package.replace(".", "/")
        folder.mkdir(parents=True)
        code = f"package {package}; public class {name} {{}}"
        (folder / f"{name}.java").write_text(code)
    sources = map(str, tmp_path.rglob("*.java"))
    (tmp_path / "classes").mkdir()
    javac = shutil.which("javac")
    assert javac is not None
    subprocess.run([javac, "-d", tmp_path / "classes", *sources], check=True)
    archive = shutil.make_archive(
        str(tmp_path / "dbr"), "zip", str(tmp_path / "classes")
    )
    return Path(archive).rename(tmp_path / "----kafka--connector.jar")


def test_a_connector_with_kafka_relocated_is_taken_as_it_is(
    run_script: RunScript, databricks_jar: Path
) -> None:
    """Databricks' is one: it is whole, gets nothing added, and names of classes follow
    it.
    """
    out = run_script(
        SHOW
        + """
spark = builder.getOrCreate()
KafkaUtils.attach(spark)
print([row[0] for row in spark.sql("LIST JARS").collect()])
kafka.send_messages(topic, [("k", "v")])
assert kafka.get_all_records(spark, topic) == {"k": "v"}
show(spark)
login = "org.apache.kafka.common.security.authenticator.DefaultLogin"
config = {"sasl.login.class": login}
with KafkaUtils(bootstrap_servers=kafka.broker, client_config=config) as other:
    print("login", other.spark_options()["kafka.sasl.login.class"])
""",
        submit_args=jars_option(databricks_jar),
    )
    lines = out.splitlines()
    assert not any("spark-kafka-testkit" in line for line in lines)
    assert (
        "records go through jvm: in the kit's own JVM: the helper jar is not on the "
        "session's class path"
    ) in lines
    assert (
        f"ok connector: {databricks_jar.name}, which has Kafka's classes below "
        "kafkashaded.*."
    ) in lines
    assert (
        "login kafkashaded.org.apache.kafka.common.security.authenticator.DefaultLogin"
    ) in lines


def test_a_vendors_build_is_apaches_version(
    run_script: RunScript, spark_called: SparkCalled
) -> None:
    """EMR's gets Apache's connector, and all goes together."""
    out = run_script(
        SHOW
        + """
for name, value in KafkaUtils.spark_conf().items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
kafka.send_messages(topic, [("k", "v")])
assert kafka.get_all_records(spark, topic) == read(spark) == {"k": "v"}
assert kafka.client == "jvm"
KafkaUtils.attach(spark)
show(spark)
""",
        SPARK_HOME=str(spark_called(VENDORS)),
    )
    _, spark, connector, clients, helper = out.splitlines()[-5:]
    assert spark == f"ok Spark: {VENDORS}, Scala {VERSION.scala}."
    assert connector == f"ok connector: {CONNECTOR_JAR}."
    assert clients.startswith("ok kafka-clients: ")
    assert helper.startswith("ok helper jar: ")


def test_a_later_patch_version_gets_the_nearest_connector(
    run_script: RunScript, spark_called: SparkCalled
) -> None:
    """spark_conf() and attach() give it, with one line each; the check warns of it."""
    out = run_script(
        SHOW
        + """
KafkaUtils.spark_conf()
spark = builder.getOrCreate()
KafkaUtils.attach(spark)
kafka.send_messages(topic, [("k", "v")])
assert kafka.get_all_records(spark, topic) == read(spark) == {"k": "v"}
show(spark)
""",
        SPARK_HOME=str(spark_called(LATER)),
    )
    by_conf, no_archive, by_attach, _, spark, connector, *_ = out.splitlines()[-8:]
    line = (
        f"Spark {LATER} gets the Kafka connector of Spark {VERSION.nearest}, the "
        "nearest of its minor version that the kit has"
    )
    assert (by_conf, by_attach) == (line, line)
    assert no_archive.startswith("Spark's JVM starts without a class archive: the fold")
    assert spark == (
        f"warning Spark: {LATER}, Scala {VERSION.scala}, driven by pyspark "
        f"{VERSION.spark}. Use the same version of pyspark (pip install "
        f"pyspark=={LATER}), or unset SPARK_HOME, which points to another Spark."
    )
    assert connector == (
        f"warning connector: {CONNECTOR_JAR} belongs to Spark {VERSION.nearest}, but "
        f"this is {LATER}, of the same minor version. They should work together. If a "
        "query fails with NoSuchMethodError or NoClassDefFoundError, use "
        f"org.apache.spark:spark-sql-kafka-0-10_{VERSION.scala}:{LATER}, if your Maven "
        "repository has it."
    )


def test_the_doctor_tells_where_the_connector_is_from(
    spark_called: SparkCalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so before a session is started."""
    monkeypatch.setenv("SPARK_HOME", str(spark_called(LATER)))
    finding = check_spark()[-1]
    assert finding.state == "ok"
    assert str(finding).startswith(
        f"connector: that of Spark {VERSION.nearest}, the nearest to {LATER} of its "
        "minor version, "
    )
    monkeypatch.setenv("SPARK_HOME", str(spark_called("9.9.0")))
    finding = check_spark()[-1]
    assert finding.state == "warning"
    assert str(finding) == (
        f"connector: Spark 9.9.0 with Scala {VERSION.scala} is unknown to this kit, "
        "which has Kafka connectors for 3.5, 4.0, 4.1, 4.2. Install the newest kit "
        "with a Spark that it knows: pip install --upgrade "
        "'spark-kafka-testkit[spark]'. Otherwise Spark asks its repositories for "
        f"org.apache.spark:spark-sql-kafka-0-10_{VERSION.scala}:9.9.0, unless "
        "spark.jars or spark.jars.packages names a spark-sql-kafka-0-10."
    )


def test_a_vendors_spark_of_an_unknown_minor_version_asks_for_apaches_connector(
    spark_called: SparkCalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maven repositories have no other, and the repository is the user's."""
    monkeypatch.setenv("SPARK_HOME", str(spark_called("9.9.1-amzn-0")))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", "https://maven.example.com/x")
    conf = KafkaUtils.spark_conf({"spark.jars.repositories": "https://a.example.com"})
    coordinate = f"org.apache.spark:spark-sql-kafka-0-10_{VERSION.scala}:9.9.1"
    assert conf["spark.jars.packages"] == coordinate
    assert conf["spark.jars.repositories"] == (
        "https://a.example.com,https://maven.example.com/x"
    )


def test_a_connector_that_no_repository_has_is_named(
    run_script: RunScript, spark_called: SparkCalled, tmp_path: Path
) -> None:
    """A new session and a running one say what to do. The user's own repository was
    asked, and the password in its address is nowhere.
    """
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    (tmp_path / "maven").mkdir()
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="none"/><resolvers>'
        '<filesystem name="none"><artifact pattern="/none/[artifact]"/></filesystem>'
        "</resolvers></ivysettings>"
    )
    handler = partial(Handler, directory=str(tmp_path / "maven"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        out = run_script(
            f"""
            from spark_kafka_testkit._spark.attach import new_session
            conf = {{
                "spark.master": "local[1]",
                "spark.jars.ivySettings": "{settings}",
                "spark.jars.ivy": "{tmp_path}/ivy",
            }}
            try:
                new_session(KafkaUtils.spark_conf(conf))
            except errors.SparkSetupError as error:
                print("new:", error)
            for name, value in conf.items():
                builder = builder.config(name, value)
            try:
                KafkaUtils.attach(builder.getOrCreate())
            except errors.SparkSetupError as error:
                print("attached:", error)
            """,
            SPARK_HOME=str(spark_called("9.9.0")),
            SPARK_KAFKA_TESTKIT_MAVEN_URL=(
                f"http://user:5ec3e7@127.0.0.1:{server.server_port}/"
            ),
        )
        server.shutdown()
    name = f"spark-sql-kafka-0-10_{VERSION.scala}"
    assert f"/org/apache/spark/{name}/9.9.0/{name}-9.9.0.pom" in asked
    assert "5ec3e7" not in out
    lines = out.splitlines()
    assert (
        "Spark's Ivy does not read the user and password from "
        "SPARK_KAFKA_TESTKIT_MAVEN_URL. Put them in a file that "
        "spark.jars.ivySettings names"
    ) in lines
    what = (
        f"Ivy found no org.apache.spark:{name}:9.9.0 in the repositories that it "
        f"asked. Spark 9.9.0 with Scala {VERSION.scala} is unknown to this kit, which "
        "has Kafka connectors for 3.5, 4.0, 4.1, 4.2. Install the newest kit with a "
        "Spark that it knows: pip install --upgrade 'spark-kafka-testkit[spark]'. Or "
        "set SPARK_KAFKA_TESTKIT_MAVEN_URL to a Maven repository that has this one."
    )
    assert f"new: Spark's JVM ended before the session was ready: {what}" in lines
    assert lines[-1] == f"attached: {what}"
