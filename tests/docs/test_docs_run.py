"""The Python of README and docs runs as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONTEXT = """
import sys, tempfile
from pyspark.sql import SparkSession
from spark_kafka_testkit import KafkaUtils

builder = SparkSession.builder.master("local[2]")
builder = builder.config("spark.sql.shuffle.partitions", 2)
for name, value in KafkaUtils.spark_conf().items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
kafka = KafkaUtils()
kafka.setup()
"""


def blocks() -> list[tuple[str, str]]:
    """Every Python block, but those marked as fragments, and where it stands."""
    found = []
    for page in PAGES:
        for match in re.finditer(
            r"^```python\n(.*?)^```", page.read_text(), re.M | re.S
        ):
            line = page.read_text()[: match.start()].count("\n") + 1
            found.append((f"{page.name}:{line}", match[1]))
    return found


@pytest.mark.parametrize(
    ("where", "code"), blocks(), ids=[where for where, _ in blocks()]
)
def test_the_block_runs(where: str, code: str) -> None:
    """As printed; a block that makes no session of its own is given one."""
    whole = code if "import" in code else CONTEXT + code
    done = subprocess.run(
        [sys.executable, "-c", whole],
        env={
            **os.environ,
            "SPARK_KAFKA_TESTKIT_BACKEND": "embedded",
            "PYSPARK_PYTHON": sys.executable,  # as in an activated environment
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readmes_table_has_every_public_name() -> None:
    """What KafkaUtils offers is in the README."""
    readme = (ROOT / "README.md").read_text()
    names = [name for name in vars(KafkaUtils) if not name.startswith("_")]
    assert [
        name for name in names if f"`{name}" not in readme and f".{name}(" not in readme
    ] == []


def test_every_setting_is_in_the_readme() -> None:
    """An environment variable that the code reads is documented."""
    readme = (ROOT / "README.md").read_text()
    package = ROOT / "python/spark_kafka_testkit"
    used = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r'"(SPARK_KAFKA_TESTKIT_[A-Z_]+)"', file.read_text())
    }
    assert len(used) == 5
    assert [name for name in sorted(used) if f"`{name}`" not in readme] == []
