"""The traceback of a failing test: up to the call of the kit that failed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from spark_kafka_testkit import _arguments
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    import pytest

__all__ = ["cut", "name_shortly"]

KIT = Path(_arguments.__file__).parent
BETWEEN = {contextlib.__file__}


def cut(error: BaseException) -> bool:
    """Takes the kit's own functions off the end of an error that the kit has raised for
    its caller, so that the message stands by the caller's line. Whether there were any;
    a fault of the kit's own keeps them.
    """
    frames = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    if not frames or not _is_for_the_caller(error, frames[-1]):
        return False
    own = len(frames)
    while own > 0 and _is_own(frames[own - 1]):
        own -= 1
    if own in (0, len(frames)):
        return False
    frames[own - 1].tb_next = None
    return True


def name_shortly(report: pytest.TestReport) -> None:
    """Leaves the module's name out of the line of pytest's summary, which is short."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.removeprefix(f"{KafkaTestkitError.__module__}.")


def _is_for_the_caller(error: BaseException, last: TracebackType) -> bool:
    if isinstance(error, KafkaTestkitError):
        return True
    return last.tb_frame.f_code.co_filename == _arguments.__file__


def _is_own(frame: TracebackType) -> bool:
    file = frame.tb_frame.f_code.co_filename
    return file in BETWEEN or KIT in Path(file).parents
