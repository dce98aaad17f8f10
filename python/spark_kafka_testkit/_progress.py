"""What people see while something takes long.

It is a line before and a line after. While something large is fetched, a terminal also
shows a bar.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, TextIO

from spark_kafka_testkit import _clock

__all__ = [
    "PATIENCE_SECONDS",
    "Output",
    "counting",
    "fetching",
    "outputs",
    "saying",
    "working",
]

log = logging.getLogger("spark_kafka_testkit")

PATIENCE_SECONDS = 3.0
LOUD_BYTES = 5_000_000  # anything smaller arrives before anybody wonders


class Output(NamedTuple):
    """Where people look.

    Attributes:
        say: a function that writes a line there.
        terminal: the terminal for a bar, or None if there is none.
    """

    say: Callable[[str], None]
    terminal: TextIO | None


@contextmanager
def _standard_error() -> Iterator[Output]:
    stream: TextIO | None = sys.stderr  # None if a program has no console

    def say(line: str) -> None:
        if stream is not None:
            stream.write(f"{line}\n")
            stream.flush()

    yield Output(say, stream if stream is not None and stream.isatty() else None)


outputs: list[Callable[[], AbstractContextManager[Output]]] = [_standard_error]
"""Only the last one is used, which in a pytest run captures standard error."""


@contextmanager
def fetching(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show that something is being fetched, for the duration of the block.

    Yields a function to call with the size of each piece, in bytes. For bytes that were
    lost, call it with a negative number.

    Args:
        what: the name to show.
        size: the size in bytes.
    """
    begun = _clock.monotonic()
    start = f"Fetching {what}: {size / 1e6:.0f} MB, this once"
    log.info("%s", start)
    with outputs[-1]() as output:
        is_loud = size >= LOUD_BYTES
        if is_loud:
            output.say(start)
        if output.terminal is None:
            yield lambda _: None
        else:
            with _bar(output.terminal, size) as advance:
                yield advance
        end = f"Fetched {what} in {_clock.monotonic() - begun:.0f} s"
        if is_loud:
            output.say(end)
    log.info("%s", end)


@contextmanager
def working(start: str, end: str) -> Iterator[None]:
    """Show that a long step is under way, for the duration of the block.

    Args:
        start: the line before it.
        end: the line after it, to which the time is added. Not shown if it fails.
    """
    begun = _clock.monotonic()
    with outputs[-1]() as output:
        log.info("%s", start)
        output.say(start)
        yield
        told = f"{end} in {_clock.monotonic() - begun:.0f} s"
        output.say(told)
    log.info("%s", told)


def saying(line: str) -> None:
    """Show a line."""
    log.info("%s", line)
    with outputs[-1]() as output:
        output.say(line)


@contextmanager
def counting(what: str, total: int, unit: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many are done, until the block ends.

    Nothing is shown of a block that ends soon.

    Yields a function to call for each that is done.
    """
    done, is_shown = 0, False
    due = _clock.monotonic() + PATIENCE_SECONDS

    def advance() -> None:
        nonlocal done, is_shown, due
        done += 1
        if _clock.monotonic() >= due:
            is_shown = True
            due = _clock.monotonic() + 1
            _on_this_line(f"{what}: {done} of {total} {unit}")

    try:
        yield advance
    finally:
        if is_shown:
            _on_this_line("")


def _on_this_line(text: str) -> None:
    with outputs[-1]() as output:
        if output.terminal is not None:
            output.terminal.write(f"\r\x1b[K{text}")
            output.terminal.flush()


@contextmanager
def _bar(terminal: TextIO, size: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=terminal)
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)
