"""The traceback of a failing test: up to the call that failed, of the kit or Spark."""

from __future__ import annotations

import contextlib
import dis
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _text
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    import pytest

__all__ = ["cut", "cutting", "is_of_spark", "name_shortly"]

__unittest = True  # unittest shows no frames of a module that has this

KIT = Path(_text.__file__).parent
BETWEEN = {contextlib.__file__}
LIBRARIES = re.compile(r"[/\\](site|dist)-packages[/\\]")
STDLIB = sysconfig.get_paths()["stdlib"]
RAISE = dis.opmap["RAISE_VARARGS"]


def cut(error: BaseException) -> bool:
    """Takes functions of the kit and of PySpark off the end of an error that these have
    raised for their caller, so that the message stands by the caller's line. Whether
    there were any; a fault of the kit's own keeps them.
    """
    frames = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    if not frames or not _is_for_the_caller(error, frames[-1]):
        return False
    own = len(frames)
    while own > 0 and _is_inside(frames[own - 1]):
        own -= 1
    if own in (0, len(frames)):
        return False
    frames[own - 1].tb_next = None
    cause = error.__cause__
    if cause is not None and not _is_of_users(cause):  # it would be shown first
        error.__cause__, error.__suppress_context__ = None, True
    return True


def cutting(test: Callable[[], Any]) -> Callable[[], Any]:
    """A method of unittest's whose errors are cut."""

    @wraps(test)
    def run() -> Any:
        try:
            return test()
        except Exception as error:
            cut(error)
            raise

    return run


def is_of_spark(error: BaseException) -> bool:
    """Whether it is PySpark's own kind of error, and no assertion of its helpers."""
    return type(error).__module__.startswith("pyspark.errors") and not isinstance(
        error, AssertionError
    )


def name_shortly(report: pytest.TestReport) -> None:
    """Leaves the module's name out of the line of pytest's summary, which is short."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.removeprefix(f"{KafkaTestkitError.__module__}.")


def _is_for_the_caller(error: BaseException, last: TracebackType) -> bool:
    """Spark's errors are, and those that the kit raises by a statement of its own."""
    if isinstance(error, KafkaTestkitError) or is_of_spark(error):
        return True
    code = last.tb_frame.f_code
    return _is_own(code.co_filename) and code.co_code[last.tb_lasti] == RAISE


def _is_of_users(cause: BaseException) -> bool:
    """Whether a function of the user's has part in it; Java's trace has none."""
    files = [
        frame.f_code.co_filename for frame, _ in traceback.walk_tb(cause.__traceback__)
    ]
    return any(
        not (_is_own(file) or LIBRARIES.search(file) or file.startswith(STDLIB))
        for file in files
    )


def _is_inside(frame: TracebackType) -> bool:
    file = frame.tb_frame.f_code.co_filename
    return file in BETWEEN or _is_own(file) or _is_sparks(file)


def _is_sparks(file: str) -> bool:
    modules = (sys.modules.get(name) for name in ("pyspark", "py4j"))
    homes = [
        Path(module.__file__).parent
        for module in modules
        if module is not None and module.__file__
    ]
    return not set(homes).isdisjoint(Path(file).parents)


def _is_own(file: str) -> bool:
    return KIT in Path(file).parents
