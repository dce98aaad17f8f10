"""The helper on sessions of every kind: configured, attached, by --jars, or not
there.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils, __version__
from spark_kafka_testkit._jvm.jars import own_jar
from spark_kafka_testkit._spark import conf as spark_conf
from spark_kafka_testkit._spark import local_files
from spark_kafka_testkit._spark.archive import ARCHIVE_ENV
from spark_kafka_testkit._spark.local_files import FOR_FILES, OURS

from .conftest import VERSION, RunScript, connector, jars_option

QUICK = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
    "-XX:ReservedCodeCacheSize=240m",
    **OURS,
}
# the helper by `spark.jars`, which spark-submit looks for as a file
BY_JARS = {name: value for name, value in QUICK.items() if name != FOR_FILES}


@pytest.fixture
def in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no JVM runs yet, no class archive was recorded, and nothing was added to
    Python's path.
    """
    monkeypatch.setattr(spark_conf, "worker_settings", lambda _: {})
    monkeypatch.setattr(spark_conf, "finds_class", lambda _: None)
    monkeypatch.setattr(local_files, "finds_class", lambda _: None)
    monkeypatch.setattr(local_files, "is_on_class_path", lambda _: False)
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    monkeypatch.setenv(ARCHIVE_ENV, "off")


def test_attach_gives_a_running_session_all_it_lacks(run_script: RunScript) -> None:
    """It gets helper and connector, for batch, streaming, and newSession()."""
    out = run_script(
        """
        spark = builder.getOrCreate()
        assert kafka.client == "jvm"
        kafka.attach(spark)
        kafka.attach(spark)
        assert kafka.client == "jvm"
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == read(spark) == {"k": "v"}
        assert read(spark.newSession()) == {"k": "v"}
        query = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", kafka.broker)
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load().writeStream.format("memory").queryName("q").start()
        )
        query.processAllAvailable()
        assert spark.sql("SELECT * FROM q").count() == 1
        query.stop()
        """
    )
    assert out.splitlines()[1:] == [
        "records go through jvm: in the kit's own JVM: the helper jar is not on the "
        "session's class path",
        "records go through jvm",
    ]


def test_another_thread_attaches_for_itself(run_script: RunScript) -> None:
    """Spark's own reader needs it per thread; the kit's calls do not."""
    run_script(
        """
        import threading
        spark = builder.getOrCreate()
        kafka.attach(spark)
        kafka.send_messages(topic, [("k", "v")])
        seen = []

        def work():
            seen.append(kafka.get_all_records(spark, topic))
            try:
                read(spark)
            except Exception as error:
                seen.append("data source: kafka" in str(error))
            kafka.attach(spark)
            seen.append(read(spark))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen == [{"k": "v"}, True, {"k": "v"}], seen
        """
    )


def test_plain_jars_on_the_command_line_work(run_script: RunScript) -> None:
    """--jars with the helper and the connector is all it takes."""
    run_script(
        """
        spark = builder.getOrCreate()
        assert kafka.client == "jvm"
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == read(spark) == {"k": "v"}
        """,
        submit_args=jars_option(VERSION.helper, *connector()),
    )


def test_the_helper_without_the_connector_is_not_used(run_script: RunScript) -> None:
    """Without kafka-clients the kit takes a JVM of its own, and says why."""
    out = run_script(
        """
        spark = builder.getOrCreate()
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == {"k": "v"}
        """,
        submit_args=jars_option(VERSION.helper),
    )
    assert out.splitlines()[1:] == [
        "records go through jvm: in the kit's own JVM: the helper jar is on the "
        "session's class path, but kafka-clients, which the connector brings, is not"
    ]


def test_a_helper_of_another_version_is_refused(
    run_script: RunScript, tmp_path: Path
) -> None:
    """Both versions are in the error."""
    other = tmp_path / "other.jar"
    stamp_version(VERSION.helper, other, "9.8.7")
    out = run_script(
        """
        spark = builder.getOrCreate()
        try:
            kafka.send_messages(topic, [("k", "v")])
        except errors.HelperError as error:
            print(error)
        """,
        submit_args=jars_option(other, *connector()),
    )
    assert out.splitlines()[-1] == (
        "The helper jar on Spark's class path is version 9.8.7, but the Python package "
        f"spark-kafka-testkit is version {__version__}. Use the jar that came with the "
        "package: KafkaUtils.spark_conf() names it."
    )


def test_a_session_that_is_stopped_and_made_anew_is_found(
    run_script: RunScript,
) -> None:
    """The kit follows the sessions of the process."""
    run_script(
        """
        for name, value in KafkaUtils.spark_conf().items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        assert kafka.client == "jvm"
        kafka.send_messages(topic, [("k1", "v")])
        spark.stop()
        kafka.send_messages(topic, [("k2", "v")])
        spark = builder.getOrCreate()
        assert kafka.client == "jvm"
        assert kafka.get_all_records(spark, topic) == {"k1": "v", "k2": "v"}
        """
    )


def test_an_interrupted_read_leaves_the_session_sound(run_script: RunScript) -> None:
    """Ctrl-C during a wait in the JVM raises at once, and the next call works."""
    run_script(
        """
        import os, signal, threading, time
        from kafka import KafkaProducer
        for name, value in KafkaUtils.spark_conf().items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        producer = KafkaProducer(bootstrap_servers=kafka.broker, transactional_id="t")
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"v", key=b"k").get(10)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        try:
            kafka.get_all_records(spark, topic)
        except KeyboardInterrupt:
            assert time.monotonic() - started < 20
        else:
            raise AssertionError("the read did not wait for the open transaction")
        producer.commit_transaction()
        assert kafka.get_all_records(spark, topic) == {"k": "v"}
        assert spark.range(3).count() == 3
        """
    )


def test_spark_conf_appends_and_never_replaces(in_a_new_process: None) -> None:
    """The user's own jars and settings stay, and come first."""
    mine = {
        "spark.jars": "/mine/a.jar,/mine/b.jar",
        "spark.driver.extraClassPath": "/mine/c.jar",
        "spark.app.name": "mine",
    }
    given = dict(mine)
    conf = KafkaUtils.spark_conf(mine)
    ours = [str(VERSION.helper), *map(str, connector())]
    assert conf.pop("spark.jars").split(",") == ["/mine/a.jar", "/mine/b.jar", *ours]
    class_path = conf.pop("spark.driver.extraClassPath")
    assert class_path.split(os.pathsep) == ["/mine/c.jar", *ours]
    assert conf == {"spark.app.name": "mine", **QUICK}
    assert mine == given
    assert KafkaUtils.spark_conf(KafkaUtils.spark_conf(mine)) == KafkaUtils.spark_conf(
        mine
    )


def test_spark_conf_leaves_the_users_choice_of_what_is_quick(
    in_a_new_process: None,
) -> None:
    """Settings and Java options of the user's stay; so do their collector and their
    compiler.
    """
    mine = {
        "spark.ui.enabled": "true",
        "spark.sql.shuffle.partitions": "8",
        "spark.driver.extraJavaOptions": "-Xss4m",
    }
    conf = KafkaUtils.spark_conf(mine)
    quick = conf["spark.driver.extraJavaOptions"]
    assert quick == (
        "-Xss4m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
    )
    assert {name: conf[name] for name in mine} == {
        **mine,
        "spark.driver.extraJavaOptions": quick,
    }
    room = "-XX:ReservedCodeCacheSize=64m"
    conf = KafkaUtils.spark_conf({"spark.driver.extraJavaOptions": room})
    assert conf["spark.driver.extraJavaOptions"] == (
        f"{room} -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    )
    options = "-XX:+UseParallelGC -XX:TieredStopAtLevel=4"
    mine["spark.driver.extraJavaOptions"] = options
    conf = KafkaUtils.spark_conf(mine)
    assert {name: conf[name] for name in mine} == mine


def install_unknown_spark(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the installed Spark one whose minor version the kit does not know."""
    (home / "jars").mkdir()
    (home / "jars/spark-core_2.13-9.9.0.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(home))


def test_a_spark_without_a_locked_connector_gets_its_coordinate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    in_a_new_process: None,
) -> None:
    """For other minor versions Spark resolves exactly its own, and the user knows."""
    install_unknown_spark(tmp_path, monkeypatch)
    monkeypatch.delenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", raising=False)
    assert KafkaUtils.spark_conf() == {
        **BY_JARS,
        "spark.jars": str(own_jar("spark-kafka-testkit_2.13.jar")),
        "spark.jars.packages": "org.apache.spark:spark-sql-kafka-0-10_2.13:9.9.0",
    }
    assert caplog.messages == [
        "Spark 9.9.0 with Scala 2.13 is unknown to this kit, which has Kafka "
        "connectors for 3.5, 4.0, 4.1, 4.2. Install the newest kit with a Spark that "
        "it knows: pip install --upgrade 'spark-kafka-testkit[spark]'. Otherwise Spark "
        "asks its repositories for org.apache.spark:spark-sql-kafka-0-10_2.13:9.9.0, "
        "unless spark.jars or spark.jars.packages names a spark-sql-kafka-0-10."
    ]


PACKAGE = "org.apache.spark:spark-sql-kafka-0-10_2.13:9.8.0"


@pytest.mark.parametrize(
    "given",
    [
        {"spark.jars.packages": f"a:b:1,{PACKAGE}"},
        {"spark.jars": "/mine/spark-sql-kafka-0-10_2.13-9.8.0.jar"},
        {"spark.driver.extraClassPath": "/mine/spark-sql-kafka-0-10_2.13-9.8.0.jar"},
        {},  # it is in the folder of Spark's jars
    ],
)
def test_a_spark_without_a_locked_connector_may_bring_one(
    given: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    in_a_new_process: None,
) -> None:
    """Then nothing is fetched, and the user hears nothing."""
    install_unknown_spark(tmp_path, monkeypatch)
    if not given:
        (tmp_path / "jars/spark-sql-kafka-0-10_2.13-9.9.0.jar").touch()
    conf = KafkaUtils.spark_conf(given)
    packages = given.get("spark.jars.packages")
    assert conf.get("spark.jars.packages") == packages
    arguments = KafkaUtils.spark_submit_args(given)
    asked = ["--packages", packages] if packages else []
    jars = ["--jars", given["spark.jars"]] if "spark.jars" in given else []
    assert arguments[: arguments.index("--conf")] == [*jars, *asked]
    assert caplog.messages == []


def test_submit_arguments_keep_the_jars_and_packages_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connector comes after them, by its coordinate or as the locked jars."""
    given = {"spark.jars": "/mine.jar", "spark.jars.packages": "a:b:1"}
    monkeypatch.delenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", raising=False)
    locked = ",".join(["/mine.jar", *map(str, connector())])
    expected = ["--jars", locked, "--packages", "a:b:1"]
    assert KafkaUtils.spark_submit_args(given)[:4] == expected
    install_unknown_spark(tmp_path, monkeypatch)
    fetched = "org.apache.spark:spark-sql-kafka-0-10_2.13:9.9.0"
    expected = ["--jars", "/mine.jar", "--packages", f"a:b:1,{fetched}"]
    assert KafkaUtils.spark_submit_args(given)[:4] == expected
    assert caplog.messages[-1].startswith("Spark 9.9.0 with Scala 2.13 is unknown")


def test_spark_conf_adds_to_the_defaults_of_the_platform(
    run_script: RunScript, tmp_path: Path
) -> None:
    """Lists of spark-defaults.conf go on, and its choice of what is quick stays."""
    (tmp_path / "mine.jar").write_bytes(VERSION.helper.read_bytes())
    (tmp_path / "spark-defaults.conf").write_text(
        f"spark.jars {tmp_path}/mine.jar\n"
        "spark.driver.extraJavaOptions -Dmine=1\n"
        "spark.sql.shuffle.partitions 7\n"
    )
    run_script(
        f"""
        for name, value in KafkaUtils.spark_conf().items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        jars = spark.sparkContext.getConf().get("spark.jars").split(",")
        assert jars[0] == "{tmp_path}/mine.jar", jars
        assert spark.conf.get("spark.sql.shuffle.partitions") == "7"
        assert spark._jvm.java.lang.System.getProperty("mine") == "1"
        assert kafka.client == "jvm"
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == read(spark) == {{"k": "v"}}
        """,
        SPARK_CONF_DIR=str(tmp_path),
    )


def test_jars_on_the_command_line_leave_those_of_spark_conf(
    run_script: RunScript, tmp_path: Path
) -> None:
    """`--jars` takes the place of `spark.jars` in the driver."""
    with zipfile.ZipFile(tmp_path / "mine.jar", "w") as jar:
        jar.writestr("mine.txt", "mine")
    out = run_script(
        """
        for name, value in KafkaUtils.spark_conf().items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
        assert loader.getResource("mine.txt") is not None
        assert "mine.jar" in spark.sparkContext.getConf().get("spark.jars")
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(spark, topic) == read(spark) == {"k": "v"}
        """,
        submit_args=jars_option(tmp_path / "mine.jar"),
    )
    assert out.splitlines()[-1] == "records go through jvm"


def test_the_users_connector_by_coordinate_stays_the_only_one(
    monkeypatch: pytest.MonkeyPatch, in_a_new_process: None
) -> None:
    """Spark fetches it with all it needs; the kit adds its helper alone."""
    mine = {"spark.jars.packages": VERSION.connector}
    conf = KafkaUtils.spark_conf(mine)
    assert conf == {**BY_JARS, **mine, "spark.jars": str(VERSION.helper)}
    monkeypatch.setenv(
        "PYSPARK_SUBMIT_ARGS", f"--packages {VERSION.connector} pyspark-shell"
    )
    assert KafkaUtils.spark_conf() == {**BY_JARS, "spark.jars": str(VERSION.helper)}


def stamp_version(jar: Path, copy: Path, version: str) -> None:
    """Copies the helper jar with another version in it, of the same length."""
    old = __version__.encode()
    assert len(version) == len(old)
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if Path(name).name == "BuildInfo$.class":
                assert old in data
                data = data.replace(old, version.encode())
            target.writestr(name, data)
    shutil.copystat(jar, copy)


def test_a_suspended_jvm_does_not_hang_the_test(run_script: RunScript) -> None:
    """A helper that neither takes nor sends anything is given up, and named."""
    out = run_script(
        """
        import os, signal, subprocess
        from spark_kafka_testkit._clients import jvm
        from spark_kafka_testkit._model.offsets import ReadRequest
        for name, value in KafkaUtils.spark_conf().items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        client = kafka._cluster.client()
        client.capture(topic)  # py4j has no part in what follows
        jvm.READ_GRACE_SECONDS = 1.0
        pid = int(spark._jvm.java.lang.ProcessHandle.current().pid())
        os.kill(pid, signal.SIGSTOP)
        try:
            client.read(ReadRequest(topic, stall_seconds=1.0))
        except errors.HelperError as error:
            print(error)
        finally:
            os.kill(pid, signal.SIGCONT)
        """
    )
    assert out.splitlines()[-1] == (
        "The JVM helper has been silent for 2 s. Is its JVM suspended, or out of "
        "memory?"
    )
