"""Versions stand in project/Versions.scala, and nothing else differs from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "project/Versions.scala").read_text()
SPARKS = dict(re.findall(r'Spark\(\s*"([^"]+)",\s*scala = "(\d+\.\d+)', TABLE))
NEWEST = Version(list(SPARKS)[-1])


def pysparks(file: str) -> list[Requirement]:
    """What a pyproject.toml says of pyspark."""
    text = (ROOT / file).read_text()
    lines = re.findall(r'"(pyspark(?:\[\w+\])?[<>=][^"]*)"', text)
    return [Requirement(line) for line in lines]


def test_the_lock_was_made_of_the_table() -> None:
    """After a change of the table `./ci/sbt lockJars` was run."""
    lock = json.loads((ROOT / "python/spark_kafka_testkit/jars/lock.json").read_text())
    locked = {spark: entry["scala"] for spark, entry in lock["connectors"].items()}
    assert SPARKS
    assert list(locked.items()) == list(SPARKS.items())
    assert f'val kafkaBroker = "{lock["broker"]["kafka"]}"' in TABLE


def test_sparks_stand_from_the_oldest_to_the_newest() -> None:
    """The helper is compiled against the first of each Scala version, and noxfile.py
    takes the first and the last.
    """
    assert sorted(SPARKS, key=Version) == list(SPARKS)


def test_the_extra_takes_what_is_supported_and_nothing_newer() -> None:
    """So does the example, and the tests run on the newest."""
    extra, *tested = pysparks("pyproject.toml")
    assert all(extra.specifier.contains(spark) for spark in SPARKS)
    assert not extra.specifier.contains(f"{NEWEST.major}.{NEWEST.minor + 1}.0")
    assert {str(one.specifier) for one in tested} == {f"=={NEWEST}"}
    (example,) = pysparks("examples/user-project/pyproject.toml")
    assert example.specifier == extra.specifier


def test_the_page_has_each_spark() -> None:
    """docs/versions.md was written anew since the table has changed."""
    page = (ROOT / "docs/versions.md").read_text()
    assert list(dict.fromkeys(re.findall(r"^\| (\d+\.\d+\.\d+) \|", page, re.M))) == [
        *SPARKS
    ]
