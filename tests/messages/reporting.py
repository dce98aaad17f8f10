"""A plugin of the inner run: writes what a user sees of failing tests to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        seen = {
            "file": report.fspath,
            "when": report.when,
            "text": report.longreprtext,
            "summary": report.longrepr.reprcrash.message,  # type: ignore[union-attr]
            "sections": dict(report.sections),
            "seconds": report.duration,
        }
        with Path(os.environ["SEEN_REPORTS"]).open("a") as file:
            file.write(f"{json.dumps(seen)}\n")
