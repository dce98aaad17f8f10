"""Where people look during a pytest run.

What is being fetched is shown there, although pytest captures what tests write.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from spark_kafka_testkit._progress import Output

__all__ = ["output"]


@contextmanager
def output(config: pytest.Config) -> Iterator[Output]:
    """The output for people: lines in the terminal report, and a bar on the terminal.

    With `-q` there are no lines. In a worker of pytest-xdist, which has neither,
    nothing is shown.
    """
    plugins = config.pluginmanager
    reporter: Any = plugins.getplugin("terminalreporter")
    if reporter is None:
        yield Output(lambda _: None, None)
        return

    def say(line: str) -> None:
        if config.option.verbose >= 0:
            reporter.write_line(f"kafka: {line}")
            reporter.flush()

    is_main = threading.current_thread() is threading.main_thread()
    capture: Any = plugins.getplugin("capturemanager") if is_main else None
    # capture covers the whole process: a thread beside a test leaves it on
    with nullcontext() if capture is None else capture.global_and_fixture_disabled():
        shows = is_main and sys.stderr is not None and sys.stderr.isatty()
        if shows:
            reporter.ensure_newline()
        yield Output(say, sys.stderr if shows else None)
