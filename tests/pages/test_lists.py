"""What README and docs list is what the code has."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from typing import get_args

import pytest

from spark_kafka_testkit._brokers.broker import Backend
from spark_kafka_testkit._invariance.relations import DEFAULT, RELATIONS
from spark_kafka_testkit._plugin.options import SETTINGS
from spark_kafka_testkit.serde import DESERIALIZERS

ROOT = Path(__file__).parents[2]


def named(page: str, beginning: str) -> set[str]:
    """What stands as code in the one line of the page that has this in it."""
    lines = (ROOT / page).read_text().splitlines()
    (line,) = (line for line in lines if beginning in line)
    return set(re.findall("`([^`]+)`", line))


@pytest.mark.parametrize(
    ("page", "beginning"),
    [
        ("docs/reference.md", "A dict with the latest value per key. Deserializers:"),
        ("docs/records.md", "| `key_deserializer`, `value_deserializer` |"),
    ],
)
def test_every_deserializer_is_listed(page: str, beginning: str) -> None:
    """A new one is no use to whoever does not know of it."""
    assert set(DESERIALIZERS) <= named(page, beginning)


def test_every_option_of_the_plugin_is_listed() -> None:
    """Its variable and its name in an ini file stand beside it."""
    for setting in SETTINGS.values():
        row = named("docs/pytest.md", f"| `{setting.option}` |")
        assert {setting.option, setting.variable, setting.ini} <= row


def test_every_backend_is_listed() -> None:
    """The plugin's option is where users look for them."""
    assert set(get_args(Backend)) <= named("docs/pytest.md", "| `--kafka-backend` |")


def test_every_relation_is_listed() -> None:
    """With a mark on those that are not tried by default."""
    page = (ROOT / "docs/check-stream.md").read_text()
    _, _, table = page.partition("| relation | what is done | not tried for |")
    table, _, _ = table.partition("\n\n")
    rows = re.findall(r"^\| `(\w+)`( \(\*on request\*\))? \|", table, re.M)
    assert [(name, not mark) for name, mark in rows] == [
        (name, name in DEFAULT) for name in RELATIONS
    ]


def test_every_assertion_of_the_cheat_sheet_is_run() -> None:
    """Each stands in a block of its page, where it is run."""
    page = (ROOT / "docs/assertions.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    run = {
        ast.dump(node)
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.stmt)
    }
    written = re.findall(r"^\| [^|`]+ \| `(.+)` \|$", page, re.M)
    assert len(written) == page.count("\n|") - 2  # all rows but the head
    assert [
        line for line in written if ast.dump(ast.parse(line).body[0]) not in run
    ] == []


def test_every_mistake_is_in_troubleshooting() -> None:
    """By a part of its first two lines; where the second has the cause of a wrong
    answer, of that one. What is Spark's text alone is not there.
    """
    page = (ROOT / "docs/troubleshooting.md").read_text()
    entries = re.findall(r"^\*\*.*?\*\*(?=:)", page, re.M)
    texts = [
        text for entry in entries for text in re.findall("(?<!`)`([^`]+)`(?!`)", entry)
    ]
    known = re.compile("|".join(map(_as_pattern, texts)))
    unknown = []
    for file in sorted((ROOT / "tests/messages/mistakes").glob("*.py")):
        mistake = runpy.run_path(str(file))
        first, second = mistake["FIRST"], mistake["SECOND"]
        has_cause = "Wrong answer" in first and not second.startswith("final after")
        told = second if has_cause else f"{first}\n{second}"
        is_sparks = first.startswith("AnalysisException") and not second
        if not is_sparks and not known.search(told):
            unknown.append(file.name)
    assert unknown == []


def _as_pattern(text: str) -> str:
    return ".*".join(map(re.escape, text.split("...")))
