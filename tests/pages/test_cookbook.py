"""The cookbook shows each example job and its test, as their files have them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "examples/jobs"
PAGE = (ROOT / "docs/cookbook.md").read_text()
WRITER = runpy.run_path(str(ROOT / "ci/pages"))
SHOWN = re.findall(r'^```python title="([^"]+)"$', PAGE, re.M)


def test_the_cookbook_is_what_the_files_have() -> None:
    """The code stands in the page, where GitHub shows it, too."""
    assert WRITER["cookbook"](PAGE) == PAGE, (
        "docs/cookbook.md differs from examples/jobs. Run: .venv/bin/python ci/pages"
    )


def test_another_code_is_another_page() -> None:
    """The check above sees it, and so it does a link that is missing."""
    assert WRITER["cookbook"](PAGE.replace("def routed(", "def sent(")) == PAGE
    link = re.compile(r"^\[examples/jobs/\w+\.py\]\(\S+\):\n\n", re.M)
    assert len(link.findall(PAGE)) == len(SHOWN)
    assert WRITER["cookbook"](link.sub("", PAGE)) == PAGE


def test_no_page_includes_a_file() -> None:
    """GitHub would show the line that names the file."""
    pages = (ROOT / "docs").rglob("*.md")
    assert [page.name for page in pages if "--8<--" in page.read_text()] == []


def test_the_cookbook_has_every_job() -> None:
    """First the job, then its test; and no other block of code but the last."""
    shown = [Path(file) for file in SHOWN]
    assert sorted(shown) == sorted(
        file.relative_to(ROOT) for file in JOBS.glob("*.py") if file.stem != "conftest"
    )
    assert [f"test_{job.name}" for job in shown[::2]] == [x.name for x in shown[1::2]]
    assert len(re.findall("^```.+", PAGE, re.M)) == len(SHOWN) + 1


@pytest.mark.parametrize("file", SHOWN)
def test_the_part_is_in_the_file(file: str) -> None:
    """It begins and ends once, and has code."""
    section = "test" if Path(file).name.startswith("test_") else "job"
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
