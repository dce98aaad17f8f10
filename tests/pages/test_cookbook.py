"""The cookbook shows each example job and its test, by parts of their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "examples/jobs"
PAGE = (ROOT / "docs/cookbook.md").read_text()
BLOCK = re.compile(
    r'^```python title="(?P<title>[^"]+)"\n'
    r'--8<-- "(?P<file>[^":]+):(?P<section>\w+)"\n```$',
    re.M,
)
SHOWN = [(block["file"], block["section"]) for block in BLOCK.finditer(PAGE)]


def test_the_cookbook_has_every_job() -> None:
    """First the job, then its test; and no other block of code but the last."""
    shown = [Path(file) for file, _ in SHOWN]
    assert sorted(shown) == sorted(
        file.relative_to(ROOT) for file in JOBS.glob("*.py") if file.stem != "conftest"
    )
    assert [f"test_{job.name}" for job in shown[::2]] == [x.name for x in shown[1::2]]
    assert len(re.findall("^```.+", PAGE, re.M)) == len(SHOWN) + 1
    assert [block["title"] for block in BLOCK.finditer(PAGE)] == [
        file for file, _ in SHOWN
    ]


@pytest.mark.parametrize(("file", "section"), SHOWN, ids=[file for file, _ in SHOWN])
def test_the_part_is_in_the_file(file: str, section: str) -> None:
    """It begins and ends once, and has code. mkdocs finds that out, too, in ci/docs."""
    assert section == ("test" if Path(file).name.startswith("test_") else "job")
    text = (ROOT / file).read_text()
    marks = re.findall(r"^# --8<-- \[(\w+:\w+)\]$", text, re.M)
    assert marks == [f"start:{section}", f"end:{section}"]
    part = text.split(f"[start:{section}]\n")[1].split("\n# --8<--")[0]
    assert re.search("^(def|class) ", part, re.M), part


def test_every_link_of_the_table_leads_to_a_job() -> None:
    """The table at the top has a row for each heading."""
    headings = re.findall("^### (.+)$", PAGE, re.M)
    assert re.findall(r"\[(.+?)\]\(#", PAGE) == headings
    assert len(headings) == len(SHOWN) / 2
