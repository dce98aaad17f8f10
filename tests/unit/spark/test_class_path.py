"""How the kit's jars get into a session: on its JVM's class path, or by `spark.jars`."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import spark_and_jars
from spark_kafka_testkit._spark import conf
from spark_kafka_testkit._spark.conf import CLASS_PATH

JARS = "spark.jars"


@pytest.fixture(autouse=True)
def no_jvm_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own JVM and environment are of no concern."""
    monkeypatch.setattr(conf, "finds_class", lambda _: None)
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)


def places(**settings: str) -> set[str]:
    """The settings that name the helper's jar."""
    helper = spark_and_jars()[0].helper.name
    given = {name.replace("_", "."): value for name, value in settings.items()}
    told = KafkaUtils.spark_conf(given)
    return {name for name in (CLASS_PATH, JARS) if helper in told.get(name, "")}


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]"])
def test_a_local_session_has_them_on_the_class_path(master: str) -> None:
    """There they are not copied for an executor, and a class archive holds them."""
    assert places(spark_master=master) == {CLASS_PATH}


@pytest.mark.parametrize(
    "master", ["local-cluster[2,1,1024]", "spark://host:7077", "yarn"]
)
def test_executors_get_them_from_the_driver(master: str) -> None:
    """They have a class path of their own."""
    assert places(spark_master=master) == {JARS}


def test_where_the_master_is_not_known_both_have_them() -> None:
    """The builder may still name any."""
    assert places() == {CLASS_PATH, JARS}


def test_a_session_of_connect_has_them_by_its_jars() -> None:
    """The server's class path is not for us to set."""
    assert places(spark_remote="sc://host") == {JARS}


def test_a_jvm_that_runs_takes_no_class_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """`spark.jars` reaches it."""
    monkeypatch.setattr(conf, "finds_class", lambda _: False)
    assert places(spark_master="local") == {JARS}


def test_a_class_path_of_the_command_line_hides_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """spark-submit takes it for the settings'."""
    options = "--driver-class-path /a.jar pyspark-shell"
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", options)
    assert places(spark_master="local") == {JARS}


@pytest.mark.parametrize(
    "settings",
    [
        {JARS: "/mine/spark-sql-kafka-0-10_2.13-4.0.0.jar"},
        {CLASS_PATH: "/mine/kafka-clients-4.4.0.jar"},
        {"spark.jars.packages": "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0"},
    ],
    ids=str,
)
def test_kafka_classes_of_the_user_come_before_ours(settings: dict[str, str]) -> None:
    """On the class path ours would win."""
    told = KafkaUtils.spark_conf({"spark.master": "local", **settings})
    assert spark_and_jars()[0].helper.name in told[JARS]
    assert told.get(CLASS_PATH) == settings.get(CLASS_PATH)


def test_kafka_classes_among_sparks_jars_come_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it was before there was a class path of ours."""
    jars = tmp_path / "jars"
    jars.mkdir()
    (core,) = spark_and_jars()[1].glob("spark-core_*.jar")
    (jars / core.name).touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert places(spark_master="local") == {CLASS_PATH}
    (jars / "kafka-clients-3.9.1.jar").touch()
    assert places(spark_master="local") == {JARS}
