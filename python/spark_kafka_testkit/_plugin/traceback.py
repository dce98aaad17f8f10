"""The traceback of a failing test, up to the call of the kit or Spark that failed."""

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
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _text
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    import pytest

__all__ = [
    "cut",
    "cutting",
    "is_of_fixture",
    "is_of_spark",
    "message_alone",
    "name_shortly",
]

__unittest = True  # unittest shows no frames of a module that has this

KIT = Path(_text.__file__).parent
BETWEEN = {contextlib.__file__}
GENERATED = "<string>"  # the file of a method that dataclasses write
# Cython names its own files, relative to where the library was built.
LIBRARIES = re.compile(r"[/\\](site|dist)-packages[/\\]|\.(pyx|pxi)$")
STDLIB = sysconfig.get_paths()["stdlib"]
RAISE = dis.opmap["RAISE_VARARGS"]


def cut(error: BaseException) -> bool:
    """Remove the kit's and PySpark's functions from an error's traceback.

    That is done for errors that they raise for their caller, so that the message is
    next to the caller's line. PySpark appends the frames of a Python function that
    Spark has called, so its own may also be in the middle. A fault of the kit itself
    keeps its frames.

    Returns:
        Whether there were any such frames.
    """
    frames = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    if not frames or not _is_for_the_caller(error, frames[-1]):
        return False
    own = [frame for frame in frames if not _is_inside(frame)]
    if any(_is_users(frame.tb_frame) for frame in own):
        while not _is_users(own[-1].tb_frame):
            own.pop()  # of a library through which the kit has called itself
    if len(own) in (0, len(frames)):
        return False
    for frame, following in zip(own, [*own[1:], None], strict=True):
        frame.tb_next = following
    cause = error.__cause__
    if cause is not None and not _is_of_users(cause):  # otherwise it is shown first
        error.__cause__, error.__suppress_context__ = None, True
    return True


def cutting(test: Callable[[], Any]) -> Callable[[], Any]:
    """A unittest method whose errors are cut."""

    @wraps(test)
    def run() -> Any:
        try:
            return test()
        except Exception as error:
            cut(error)
            raise

    return run


def is_of_spark(error: BaseException) -> bool:
    """Whether it is an error of PySpark's own, and not an assertion of its helpers."""
    return type(error).__module__.startswith("pyspark.errors") and not isinstance(
        error, AssertionError
    )


def is_of_fixture(error: BaseException) -> bool:
    """Whether it is the kit's, and nobody but pytest has called the kit."""
    return isinstance(error, KafkaTestkitError) and not _is_of_users(error)


def message_alone(error: pytest.ExceptionInfo[BaseException]) -> Any:
    """What pytest shows of an error without its traceback."""
    shown: Any = error.getrepr(style="value")
    lines = shown.reprtraceback.reprentries[0].lines
    lines[0] = f"{type(error.value).__name__}: {lines[0]}"
    return shown


def name_shortly(report: pytest.TestReport) -> None:
    """Remove the module's name from the line in pytest's summary, which is short."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.removeprefix(f"{KafkaTestkitError.__module__}.")


def _is_for_the_caller(error: BaseException, last: TracebackType) -> bool:
    """Whether an error is meant for the caller.

    Spark's errors are, and those that the kit raises in a statement of its own.
    """
    if isinstance(error, KafkaTestkitError) or is_of_spark(error):
        return True
    code = last.tb_frame.f_code
    return _is_own(last.tb_frame) and code.co_code[last.tb_lasti] == RAISE


def _is_of_users(error: BaseException) -> bool:
    """Whether a function of the user's is in the traceback.

    Java's trace has none, and neither has that of a fixture of the kit.
    """
    return any(_is_users(frame) for frame, _ in traceback.walk_tb(error.__traceback__))


def _is_users(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return not (_is_own(frame) or LIBRARIES.search(file) or file.startswith(STDLIB))


def _is_inside(frame: TracebackType) -> bool:
    file = frame.tb_frame.f_code.co_filename
    return file in BETWEEN or _is_own(frame.tb_frame) or _is_sparks(file)


def _is_sparks(file: str) -> bool:
    modules = (sys.modules.get(name) for name in ("pyspark", "py4j"))
    homes = [
        Path(module.__file__).parent
        for module in modules
        if module is not None and module.__file__
    ]
    return not set(homes).isdisjoint(Path(file).parents)


def _is_own(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file == GENERATED:
        module = str(frame.f_globals.get("__name__"))
        return module.partition(".")[0] == __name__.partition(".")[0]
    return KIT in Path(file).parents
