"""What spark-submit is given, and why its JVM has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._spark.submit import (
    cause_of,
    default_settings,
    start_again,
    submitted_settings,
)

DEFAULTS = r"""
# jars of the platform
spark.jars                      /a.jar,\
                                /b.jar
spark.driver.extraJavaOptions = -Dfile=a\:b -Dx=y
spark.ui.enabled: true
! another comment
spark.app.name=gr\u00fcn
spark.empty
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark home with a spark-defaults.conf."""
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/spark-defaults.conf").write_text(DEFAULTS)
    return tmp_path


def test_spark_defaults_are_read_as_java_reads_them(home: Path) -> None:
    """They have each separator, comments, escapes, and a line that goes on."""
    assert default_settings(home) == {
        "spark.jars": "/a.jar,/b.jar",
        "spark.driver.extraJavaOptions": "-Dfile=a:b -Dx=y",
        "spark.ui.enabled": "true",
        "spark.app.name": "grün",
        "spark.empty": "",
    }


def test_spark_conf_dir_takes_the_place_of_the_homes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so where it has no such file, too."""
    monkeypatch.setenv("SPARK_CONF_DIR", str(home))
    assert default_settings(home) == {}
    (home / "spark-defaults.conf").write_text("spark.jars /c.jar")
    assert default_settings(home) == {"spark.jars": "/c.jar"}


def test_a_properties_file_takes_the_place_of_the_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--load-spark-defaults` asks for both."""
    (home / "mine.conf").write_text("spark.jars /mine.jar")
    given = f"--properties-file {home}/mine.conf pyspark-shell"
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", given)
    assert default_settings(home) == {"spark.jars": "/mine.jar"}
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", f"--load-spark-defaults {given}")
    both = default_settings(home)
    assert (both["spark.jars"], both["spark.ui.enabled"]) == ("/mine.jar", "true")


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ("pyspark-shell", {}),
        ("", {}),
        (
            "--master local[2] --jars /a.jar --packages g:a:1 pyspark-shell",
            {
                "spark.master": "local[2]",
                "spark.jars": "/a.jar",
                "spark.jars.packages": "g:a:1",
            },
        ),
        ("--jars=/a.jar --jars /b.jar pyspark-shell", {"spark.jars": "/b.jar"}),
        ("--jars /a.jar --conf spark.jars=/b.jar", {"spark.jars": "/a.jar"}),
        ("-c spark.x=y=z --conf=spark.y=1", {"spark.x": "y=z", "spark.y": "1"}),
        (
            "--driver-java-options '-Da=b -Dc=d' --driver-class-path /c.jar",
            {
                "spark.driver.extraJavaOptions": "-Da=b -Dc=d",
                "spark.driver.extraClassPath": "/c.jar",
            },
        ),
    ],
)
def test_submit_arguments_are_settings(
    arguments: str, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark's own options win over `--conf`, the last of several over the others."""
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", arguments)
    assert submitted_settings() == settings


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (
            ":: UNRESOLVED DEPENDENCIES ::\n"
            'Exception in thread "main" java.lang.RuntimeException: [unresolved '
            "dependency: org.a#a_2.13;1.0: not found, unresolved dependency: "
            "org.b#b;2: not found]\n\tat org.apache.spark.util.MavenUtils",
            "Ivy found no org.a:a_2.13:1.0, org.b:b:2 in the repositories that it asked",
        ),
        (
            "Error occurred during initialization of VM\n"
            "Multiple garbage collectors selected\n",
            "Multiple garbage collectors selected",
        ),
        (
            "Unrecognized VM option 'Foo'\n"
            "Error: Could not create the Java Virtual Machine.\n"
            "Error: A fatal exception has occurred. Program will exit.\n",
            "Unrecognized VM option 'Foo'",
        ),
        ("JAVA_HOME is not set\n", "JAVA_HOME is not set"),
        (
            'Exception in thread "main" java.lang.UnsupportedClassVersionError: of 61.0'
            "\n\tat java.base/java.lang.ClassLoader\n",
            "java.lang.UnsupportedClassVersionError: of 61.0",
        ),
        ("one\n\ntwo\n", "it says:\none\ntwo"),
    ],
)
def test_the_cause_is_cut_out_of_what_the_jvm_says(output: str, cause: str) -> None:
    """Of 150 lines it is the one."""
    assert cause_of(output) == cause


def test_a_home_without_spark_submit_says_so(tmp_path: Path) -> None:
    """It can't be started again."""
    said = start_again(tmp_path, {})
    assert said == (
        f"[Errno 2] No such file or directory: '{tmp_path}/bin/spark-submit'"
    )
