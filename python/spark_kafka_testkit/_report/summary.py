"""The summary of a step in GitHub Actions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spark_kafka_testkit._report.failure import Failure

__all__ = ["markdown"]

MOST = 20
LINES, CHARACTERS = 2, 300
SPECIAL = re.compile(r"([\\`*_{}\[\]<>&()#+!|~$-])")


def markdown(failures: Sequence[Failure]) -> str:
    """A table of the failed tests, each with the first two lines of its message.

    Args:
        failures: the failures, at least one. The first 20 are listed.
    """
    rows = [f"| {_text(one['nodeid'])} | {_why(one)} |" for one in failures[:MOST]]
    more = len(failures) - MOST
    told = ["### Kafka tests that failed", "", "| test | why |", "| --- | --- |", *rows]
    if more > 0:
        told += ["", f"And {more} more."]
    return "\n".join(told) + "\n"


def _why(failure: Failure) -> str:
    lines = [line.strip() for line in failure["message"].splitlines() if line.strip()]
    return "<br>".join(_text(line[:CHARACTERS]) for line in lines[:LINES])


def _text(text: str) -> str:
    """The text on one line, with Markdown's special characters escaped."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
