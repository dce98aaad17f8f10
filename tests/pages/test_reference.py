"""The reference's tables have the arguments that the calls have."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils, StreamRun
from spark_kafka_testkit._invariance.check import CheckOptions
from spark_kafka_testkit._streams.run import StreamOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference.md").read_text()
WRITER = runpy.run_path(str(ROOT / "ci/pages"))
OPTIONS: dict[str, Any] = {"run_stream": StreamOptions, "check_stream": CheckOptions}


def test_the_tables_are_what_the_code_has() -> None:
    """They are written from signatures and docstrings."""
    assert WRITER["reference"](PAGE) == PAGE, (
        "docs/reference.md differs from the code. Run: .venv/bin/python ci/pages"
    )


def test_there_is_a_table_for_each_call() -> None:
    """Between two marks, which the writer looks for."""
    marks = re.findall(r"^<!-- arguments of (\w+), by ci/pages -->$", PAGE, re.M)
    assert marks == list(WRITER["CALLS"])
    assert PAGE.count("\n<!-- end -->\n") == len(marks)


@pytest.mark.parametrize("call", WRITER["CALLS"])
def test_every_argument_has_a_row(call: str) -> None:
    """In the order of the signature, and with its options where it takes those."""
    owner = StreamRun if call == "check_answer" else KafkaUtils
    function = KafkaUtils.__init__ if call == "KafkaUtils" else getattr(owner, call)
    _, *names = inspect.signature(function).parameters
    if call in OPTIONS:
        assert names.pop() == "options"
        names += OPTIONS[call].__annotations__
    firsts = re.findall(r"^\| (`.+?) \|", WRITER["table"](call), re.M)
    assert re.findall(r"`\*?(\w+)`", " ".join(firsts)) == names
