"""The tests that the docs print pass, exactly as printed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.plugin.conftest import ROOT, Inner
from tests.processes import HANG_SECONDS, PATIENT

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("quick_java")


def files(page: str, runner: str) -> dict[str, str]:
    """The page's code blocks for this runner, by the file name in their first line."""
    text = (ROOT / page).read_text()
    blocks = re.findall(rf"^```python {runner}\n(.*?)^```", text, re.M | re.S)
    sources = {}
    for block in blocks:
        name = re.match(r"# (\w+)\.py\n", block)
        assert name is not None, block
        sources[name[1]] = block
    return sources


def test_the_page_on_pytest_is_a_run_that_passes(inner: Inner) -> None:
    """All of its files run together."""
    printed = files("docs/pytest.md", "pytest")
    assert sorted(printed) == ["conftest", "test_copy", "test_join"]
    result = inner("--strict-markers", "--kafka-strict", **printed)
    result.assert_outcomes(passed=2, warnings=0)


def test_the_readmes_test_is_that_of_the_page() -> None:
    """So it runs together with the page."""
    printed = files("docs/pytest.md", "pytest")
    assert files("README.md", "pytest") == {"test_copy": printed["test_copy"]}


def test_the_tutorials_test_passes(inner: Inner) -> None:
    """It runs with the job beside it."""
    printed = files("docs/tutorial.md", "pytest")
    assert sorted(printed) == ["test_totals", "totals"]
    result = inner("--strict-markers", "--kafka-strict", **printed)
    result.assert_outcomes(passed=1, warnings=0)


def test_the_page_on_unittest_is_a_run_that_passes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """unittest finds the test of the page."""
    for name, value in {"SPARK_KAFKA_TESTKIT_BACKEND": "embedded", **PATIENT}.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(**files("docs/unittest.md", "unittest"))
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-v"],
        cwd=pytester.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "test_copy (test_copy.CopyTest" in done.stderr, done.stderr
    assert "LeftoverWarning" not in done.stderr
