"""The example jobs, and their tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PATIENT

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "examples/jobs"
BEFORE = ROOT / "examples/before"
TESTS = sorted(file.name for file in JOBS.glob("test_*.py"))
TESTS_BEFORE = sorted(file.name for file in BEFORE.glob("test_*.py"))
PAGE = ROOT / "docs/from-sleep-and-poll.md"


def test_the_tests_of_all_jobs_pass() -> None:
    """One pytest runs them, with the plugin alone, as a user's do."""
    ours = ("SPARK_KAFKA_TESTKIT_BACKEND", "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ours},
        **PATIENT,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # spark-submit
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT / "python"),
    }
    plugins = ["-p", "spark_kafka_testkit", "-p", "no:cacheprovider"]
    options = ["--kafka-backend=embedded", "--kafka-strict", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, "."],
        cwd=JOBS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= len(TESTS), done.stdout


def test_every_job_has_a_test() -> None:
    """Of the same name. The README lists it; the tests without the kit are of jobs that
    are there.
    """
    others = {"conftest.py", *TESTS}
    jobs = {file.name for file in JOBS.glob("*.py")} - others
    assert {f"test_{name}" for name in jobs} == set(TESTS)
    assert set(TESTS_BEFORE) <= set(TESTS)
    listed = re.findall(r"^\| `(\w+\.py)` \|", (JOBS / "README.md").read_text(), re.M)
    assert sorted(listed) == sorted(jobs)


@pytest.mark.parametrize("name", ["conftest.py", *TESTS_BEFORE])
def test_the_page_has_its_lines(name: str) -> None:
    """Those of the test without the kit, and with it."""
    row = re.search(rf"^\|.*`{name}`.*\| (\d+) \| (\d+) \|$", PAGE.read_text(), re.M)
    assert row is not None, f"{PAGE.name} has no row for {name}"
    counted = [lines(folder / name) for folder in (BEFORE, JOBS)]
    assert list(map(int, row.groups())) == counted


def lines(file: Path) -> int:
    """Those that are neither blank nor comments; of no file none."""
    if not file.exists():
        return 0
    texts = map(str.strip, file.read_text().splitlines())
    return sum(bool(text) and not text.startswith("#") for text in texts)
