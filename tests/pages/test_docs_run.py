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
from tests.connect_server import connect_server
from tests.processes import HANG_SECONDS, PATIENT
from tests.sessions import ON_CONNECT

ROOT = Path(__file__).parents[2]
PAGES = {
    "README": [ROOT / "README.md"],
    "docs": sorted((ROOT / "docs").rglob("*.md")),
}
# how a fence begins, and who runs what is in it
KINDS = {
    "python": "test_the_block_runs, test_the_readmes_block_runs_by_itself",
    "python connect": "test_the_page_on_connect_runs_on_a_server",
    "python secure": "tests/brokers/test_secure.py",
    "python pytest": "tests/plugin/test_docs.py",
    "python unittest": "tests/plugin/test_docs.py",
    "python notest": "nobody: test_fragments_are_few",
    "python title": "tests/examples: a part of a file, see test_cookbook.py",
    "bash": "nobody, but test_the_command_line_is_understood",
    "text": "nobody: what is printed",
    "yaml": "nobody: settings of others",
}
STANDARD = {"datetime": datetime, "json": json, "tempfile": tempfile}


def fences(pages: str) -> Iterator[tuple[str, str, str]]:
    """Every block of the README or of the docs: where it stands, how it begins, and
    what is in it.
    """
    for page in PAGES[pages]:
        text = page.read_text()
        for match in re.finditer(r"^ *```(.*)\n(?s:(.*?))^ *```", text, re.M):
            line = text[: match.start()].count("\n") + 1
            begins = re.sub(r'title="[^"]+"$', "title", match[1])
            yield f"{page.name}:{line}", begins, match[2]


def blocks(pages: str, language: str = "python") -> list[tuple[str, str]]:
    """Every block of a kind, and where it stands."""
    return [
        (where, code) for where, begins, code in fences(pages) if begins == language
    ]


def test_every_block_says_what_it_is() -> None:
    """A bare fence would be run by nobody, and so would a kind that nobody knows."""
    begun = [(where, begins) for pages in PAGES for where, begins, _ in fences(pages)]
    assert [(where, begins) for where, begins in begun if begins not in KINDS] == []
    assert {begins for _, begins in begun} == set(KINDS)


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
    """It runs as printed, with a session `spark` and a broker `kafka` at hand. Test
    functions in it are called with the fixtures that they ask for, and may ask for none
    but the plugin's and pytest's.
    """
    fixtures = {"kafka_spark": spark, "kafka_utils": docs_kafka, "tmp_path": tmp_path}
    at_hand = {"spark": spark, "kafka": docs_kafka}
    names = {**at_hand, "KafkaUtils": KafkaUtils, **STANDARD}
    exec(compile(textwrap.dedent(code), where, "exec"), names)  # noqa: S102  that is what this test is for
    for name, function in names.items():
        if name.startswith("test_"):
            asked = inspect.signature(function).parameters
            function(**{argument: fixtures[argument] for argument in asked})
    for query in spark.streams.active:
        query.stop()
    left = [t for t in docs_kafka.admin_client.list_topics() if not t.startswith("__")]
    docs_kafka.delete_topics(left)


@pytest.mark.skipif(ON_CONNECT, reason="the server of the run is in the way of another")
def test_the_page_on_connect_runs_on_a_server(tmp_path: Path) -> None:
    """It runs as printed, but for the server's address, in a process of its own; the
    server has no connector.
    """
    ((where, code),) = blocks("docs", "python connect")
    with connect_server({}) as address:
        code = code.replace("sc://spark.example.com", address)
        run_by_itself(f"# {where}\n{code}", tmp_path)


@pytest.mark.parametrize(
    ("where", "code"), blocks("README"), ids=[where for where, _ in blocks("README")]
)
def test_the_readmes_block_runs_by_itself(
    where: str, code: str, tmp_path: Path
) -> None:
    """It runs as printed, in a process of its own, where nothing was set up."""
    run_by_itself(code, tmp_path)


def run_by_itself(code: str, folder: Path) -> None:
    """Runs a script that starts with nothing."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "SPARK_KAFKA_TESTKIT_BACKEND": "embedded", **PATIENT},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def command_lines() -> list[tuple[str, list[str]]]:
    """Every call of the kit's command in a shell block, and where it stands."""
    commands = []
    for page in (*PAGES["README"], *PAGES["docs"]):
        for block in re.finditer(r"^```bash\n(.*?)^```", page.read_text(), re.M | re.S):
            calls = re.findall(rf"(?<![=\w]){NAME} [a-z][^|)&\n]*", block[1])
            commands += [
                (f"{page.name}: {call}", shlex.split(call, comments=True))
                for call in calls
            ]
    return commands


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


def test_the_references_table_has_every_public_name() -> None:
    """What KafkaUtils offers is in the table of calls."""
    calls = section("All calls")
    names = [name for name in vars(KafkaUtils) if not name.startswith("_")]
    assert [
        name for name in names if f"`{name}" not in calls and f".{name}(" not in calls
    ] == []


def test_every_setting_is_in_the_reference() -> None:
    """An environment variable that the code reads is documented."""
    variables = section("Environment variables")
    package = ROOT / "python/spark_kafka_testkit"
    used = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r'"(SPARK_KAFKA_TESTKIT_[A-Z_]+)"', file.read_text())
    }
    assert len(used) == 9
    assert [name for name in sorted(used) if f"`{name}`" not in variables] == []


def section(heading: str) -> str:
    """What stands under a heading of the reference, up to the next one."""
    page = (ROOT / "docs/reference.md").read_text()
    return page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
