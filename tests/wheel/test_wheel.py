"""The built distributions, as a user gets them."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from io import BytesIO
from pathlib import Path

from spark_kafka_testkit import __version__

ROOT = Path(__file__).parents[2]
JARS = {
    "spark-kafka-testkit_2.12.jar",
    "spark-kafka-testkit_2.13.jar",
    "spark-kafka-testkit-broker.jar",
}
USE = """
import os, sys
import spark_kafka_testkit
from spark_kafka_testkit import KafkaUtils
from pyspark.sql import SparkSession

assert sys.prefix in spark_kafka_testkit.__file__, spark_kafka_testkit.__file__
with KafkaUtils(backend="embedded") as kafka:
    kafka.send_messages("t", [("k1", "v1")])
    assert kafka.client == "jvm"  # the kit's own
    assert kafka.get_all_records(None, "t") == {"k1": "v1"}
    os.environ["SPARK_KAFKA_TESTKIT_CLIENT"] = "kafka-python"
    assert kafka.client == "kafka-python"
    assert kafka.get_all_records(None, "t") == {"k1": "v1"}
    del os.environ["SPARK_KAFKA_TESTKIT_CLIENT"]
    builder = SparkSession.builder.master("local[2]")
    for name, value in KafkaUtils.spark_conf().items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    kafka.send_messages("t", [("k2", "v2")])
    assert kafka.client == "jvm"
    assert kafka.get_all_records(spark, "t") == {"k1": "v1", "k2": "v2"}
    rows = spark.range(3).groupBy("id").applyInPandas(lambda table: table, "id long")
    assert rows.count() == 3
    spark.stop()
"""


def known_files() -> set[str]:
    """The files of the checkout that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_carries_exactly_the_jars_and_no_others(built: Path) -> None:
    """It has three jars, the lock file, the type marker, and no tests."""
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {Path(name).name for name in names if name.endswith(".jar")} == JARS
    assert "spark_kafka_testkit/jars/lock.json" in names
    assert "spark_kafka_testkit/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "spark_kafka_testkit"
    }


def test_the_wheel_has_every_module(built: Path) -> None:
    """What is in the source tree is in the wheel, and what a report is made of."""
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "python"
    modules = {str(p.relative_to(package)) for p in package.rglob("*.py")}
    of_report = package / "spark_kafka_testkit" / "_report"
    parts = {str(p.relative_to(package)) for p in of_report.rglob("*") if p.suffix}
    parts.add("spark_kafka_testkit/_report/uplot/LICENSE")
    assert modules | {name for name in parts if not name.endswith(".pyc")} <= names


def test_the_distributions_have_no_stray_files(built: Path) -> None:
    """All that is in them is in the repository, except for the jars and the metadata:
    no tests, no caches, nothing that lay about in a folder.
    """
    known = known_files()
    jars = {f"python/spark_kafka_testkit/jars/{name}" for name in JARS}
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    package = {name for name in known | jars if name.startswith("python/")}
    assert {f"python/{name}" for name in names} == package
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    names = {name.partition("/")[2] for name in files}
    assert names - known == jars | {"PKG-INFO"}
    assert names & known == package - jars | {
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "hatch_build.py",
        "pyproject.toml",
    }


def test_the_jars_hold_the_classes_of_the_kit_alone(built: Path) -> None:
    """Classes of others would bring their licences. The jars are of this version."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in JARS:
            jar = archive.read(f"spark_kafka_testkit/jars/{name}")
            with zipfile.ZipFile(BytesIO(jar)) as classes:
                names = [n for n in classes.namelist() if not n.endswith("/")]
                manifest = classes.read("META-INF/MANIFEST.MF").decode()
            ours = r"sparkkafka/testkit/.+\.class|org/apache/spark/sparkkafka/.+\.class"
            others = [n for n in names if not re.fullmatch(ours, n)]
            assert others == ["META-INF/MANIFEST.MF"]
            assert f"Implementation-Version: {__version__}\r\n" in manifest


def test_the_licences_are_those_of_what_the_wheel_holds(built: Path) -> None:
    """The kit's own, which names its authors, and uPlot's."""
    (wheel,) = built.glob("*.whl")
    found = metadata(wheel)
    assert found["License-Expression"] == "Apache-2.0 AND MIT"
    files = found.get_all("License-File")
    assert files == ["LICENSE", "python/spark_kafka_testkit/_report/uplot/LICENSE"]
    folder = f"spark_kafka_testkit-{__version__}.dist-info/licenses"
    with zipfile.ZipFile(wheel) as archive:
        own, uplot = [archive.read(f"{folder}/{name}").decode() for name in files]
    assert "Apache License\n" in own
    assert re.findall(r"^   Copyright \d{4} (.+)$", own, re.M) == [found["Author"]]
    assert uplot.startswith("The MIT License (MIT)\n\nCopyright (c) 2022 Leon Sorokin")


def test_the_page_at_the_index_has_no_relative_links(built: Path) -> None:
    """The README is shown there, where no other file of the repository is."""
    (wheel,) = built.glob("*.whl")
    text = str(metadata(wheel).get_payload())
    links = re.findall(r"\]\(([^)\s]+)", text)
    assert len(links) > 10
    assert [link for link in links if not re.match("https://|#", link)] == []


def test_the_changelog_tells_of_this_version(built: Path) -> None:
    """Its newest section with a date has the version of the distributions."""
    (sdist,) = built.glob("*.tar.gz")
    assert sdist.name == f"spark_kafka_testkit-{__version__}.tar.gz"
    with tarfile.open(sdist) as archive:
        file = archive.extractfile(f"spark_kafka_testkit-{__version__}/CHANGELOG.md")
        assert file is not None
        text = file.read().decode()
    unreleased, newest, *_ = re.findall(r"^## (.+)$", text, re.M)
    assert unreleased == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", newest)


def test_the_sdist_makes_the_same_wheel_without_java(
    built: Path, tmp_path: Path
) -> None:
    """Whoever builds it needs no sbt, and gets each file as it is published."""
    (sdist,) = built.glob("*.tar.gz")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(sdist)],
        cwd=tmp_path,
        env={**os.environ, "JAVA_HOME": str(tmp_path / "none")},
        check=True,
    )

    def content(folder: Path) -> dict[str, bytes]:
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return {
                name: archive.read(name)
                for name in archive.namelist()
                # the builder's version is in one of them, and its digest in the other
                if not name.endswith((".dist-info/WHEEL", ".dist-info/RECORD"))
            }

    assert content(tmp_path) == content(built)


def test_a_checkout_without_java_says_what_it_needs(tmp_path: Path) -> None:
    """For example with `pip install git+https://...`."""
    checkout = tmp_path / "checkout"
    for name in known_files():
        if name.startswith(("ci/", "project/", "python/")) or "/" not in name:
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", str(checkout)],
        cwd=tmp_path,
        env={**os.environ, "JAVA_HOME": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"{tmp_path / 'none'}/bin/java: No such file" in said
    assert "A checkout needs a JDK of 17 or newer." in said


def test_pytest_finds_the_plugin(built: Path) -> None:
    """The wheel has the entry point."""
    (wheel,) = built.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (name,) = [n for n in archive.namelist() if n.endswith("/entry_points.txt")]
    entry_points = configparser.ConfigParser()
    entry_points.read_string(archive.read(name).decode())
    assert {
        section: dict(entry_points[section]) for section in entry_points.sections()
    } == {
        "console_scripts": {"spark-kafka-testkit": "spark_kafka_testkit.cli:main"},
        "pytest11": {"spark_kafka_testkit": "spark_kafka_testkit.pytest_plugin"},
    }


def test_the_sdist_carries_the_jars(built: Path) -> None:
    """A wheel can be made from it without sbt."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert {Path(name).name for name in names if name.endswith(".jar")} == JARS
    assert not any("/tests/" in name or "/jvm/" in name for name in names)


def test_the_wheel_works_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """It is installed as the README says, where nothing of ours is: a broker, both
    clients, a Spark session and Python functions in it work.
    """
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    install = [python, "-m", "pip", "install", "--quiet", f"{wheel}[spark]"]
    subprocess.run(install, check=True)
    # as in an activated environment: Spark takes the Python of its workers off the PATH
    path = f"{tmp_path / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    environment.pop("PYTHONPATH", None)
    for command in (
        [str(tmp_path / "venv/bin/spark-kafka-testkit")],
        [python, "-m", "spark_kafka_testkit"],
    ):
        said = subprocess.run(
            [*command, "--version"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == f"spark-kafka-testkit {__version__}\n"
    done = subprocess.run(
        [python, "-c", USE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
