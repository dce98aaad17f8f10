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

__all__ = ["Output", "fetching", "outputs", "working"]

log = logging.getLogger("spark_kafka_testkit")

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
