"""The Python of README and docs runs as printed."""

from __future__ import annotations

import datetime
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.cli import NAME, cli

ROOT = Path(__file__).parents[2]
PAGES = {
    "README": [ROOT / "README.md"],
    "docs": sorted((ROOT / "docs").rglob("*.md")),
}
STANDARD = {"datetime": datetime, "json": json, "tempfile": tempfile}


def blocks(of: str) -> list[tuple[str, str]]:
    """Every Python block of the README or of the docs, but those marked as fragments,
    and where it stands.
    """
    found = []
    for page in PAGES[of]:
        for match in re.finditer(
            r"^```python\n(.*?)^```", page.read_text(), re.M | re.S
        ):
            line = page.read_text()[: match.start()].count("\n") + 1
            found.append((f"{page.name}:{line}", match[1]))
    return found


@pytest.fixture(scope="module")
def docs_kafka() -> Iterator[KafkaUtils]:
    """A broker for the docs alone: they all use the same names of topics."""
    with KafkaUtils(backend="embedded") as utils:
        yield utils


@pytest.mark.parametrize(
    ("where", "code"), blocks("docs"), ids=[where for where, _ in blocks("docs")]
)
def test_the_block_runs(
    where: str, code: str, docs_kafka: KafkaUtils, spark: Any, tmp_path: Path
) -> None:
    """As printed, with a session `spark` and a broker `kafka` at hand; test functions
    in it are called with what they ask for.
    """
    at_hand = {"spark": spark, "kafka": docs_kafka, "tmp_path": tmp_path}
    at_hand |= {"kafka_spark": spark, "kafka_utils": docs_kafka}
    names = {**at_hand, "KafkaUtils": KafkaUtils, **STANDARD}
    exec(compile(textwrap.dedent(code), where, "exec"), names)  # noqa: S102  that is what this test is for
    for name, function in names.items():
        if name.startswith("test_"):
            asked = inspect.signature(function).parameters
            function(**{argument: at_hand[argument] for argument in asked})
    for query in spark.streams.active:
        query.stop()
    left = [t for t in docs_kafka.admin_client.list_topics() if not t.startswith("__")]
    docs_kafka.delete_topics(left)


@pytest.mark.parametrize(
    ("where", "code"), blocks("README"), ids=[where for where, _ in blocks("README")]
)
def test_the_readmes_block_runs_by_itself(where: str, code: str) -> None:
    """As printed, in a process of its own, where nothing was set up."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SPARK_KAFKA_TESTKIT_BACKEND": "embedded"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def command_lines() -> list[tuple[str, list[str]]]:
    """Every call of the kit's command in a shell block, and where it stands."""
    found = []
    for page in (*PAGES["README"], *PAGES["docs"]):
        for block in re.finditer(r"^```bash\n(.*?)^```", page.read_text(), re.M | re.S):
            calls = re.findall(rf"(?<![=\w]){NAME} [a-z][^|)&\n]*", block[1])
            found += [
                (f"{page.name}: {call}", shlex.split(call, comments=True))
                for call in calls
            ]
    return found


@pytest.mark.parametrize(
    "words",
    [words for _, words in command_lines()],
    ids=[where for where, _ in command_lines()],
)
def test_the_command_line_is_understood(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command, options and arguments are those that there are; it is not run."""
    monkeypatch.chdir(tmp_path)
    for name in words:
        if name.endswith((".jsonl", ".csv", ".parquet")):
            Path(name).touch()
    name, *rest = words[1:]
    cli.commands[name].make_context(name, rest)


def test_fragments_are_few() -> None:
    """What is not run is what can't be: it stands beside a form that is."""
    pages = (*PAGES["README"], *PAGES["docs"])
    assert sum(page.read_text().count("```python notest") for page in pages) <= 5


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
    assert len(used) == 7
    assert [name for name in sorted(used) if f"`{name}`" not in readme] == []
