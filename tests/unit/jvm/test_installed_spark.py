"""The Spark that is installed, by the name of its core jar."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm.installed_spark import SparkVersion, installed_spark
from spark_kafka_testkit.errors import JarError
from spark_kafka_testkit.preflight import check_spark


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("spark-core_2.13-4.2.0.jar", SparkVersion("4.2.0", "2.13")),
        ("spark-core_2.12-3.5.4-amzn-0.jar", SparkVersion("3.5.4-amzn-0", "2.12")),
        ("spark-core_3-9.9.0.jar", SparkVersion("9.9.0", "3")),  # as Scala 3 names jars
    ],
)
def test_spark_and_scala_are_in_the_name_of_the_jar(
    name: str, version: SparkVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vendors add to the version, and Scala 3 has one number."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / name).touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert installed_spark() == version


def test_a_spark_of_an_unknown_scala_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions can't have the helper, which the doctor says too."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/spark-core_3-9.9.0.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    text = (
        "Spark 9.9.0 is built with Scala 3, but the kit's helper only with 2.12 and "
        "2.13. Install the newest kit with a Spark that it knows: pip install "
        "--upgrade 'spark-kafka-testkit[spark]'."
    )
    with pytest.raises(JarError) as caught:
        KafkaUtils.spark_conf()
    assert str(caught.value) == text
    assert [str(finding) for finding in check_spark()][:2] == [
        "Spark: 9.9.0, Scala 3.",
        f"helper jar: {text}",
    ]
