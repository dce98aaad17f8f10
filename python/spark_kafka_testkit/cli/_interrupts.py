"""Ctrl-C: the first ends a command, which tidies up, and a second ends the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

__all__ = ["INTERRUPTED", "answering_interrupts"]

INTERRUPTED = 130


@contextmanager
def answering_interrupts() -> Iterator[None]:
    """Answer the first Ctrl-C with a KeyboardInterrupt.

    Someone who presses it again does not want to wait. Neither does someone who presses
    it when everything is done.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background
        yield
        return
    signal.signal(signal.SIGINT, _first)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _first:
            signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


def _first(number: int, frame: Any) -> None:
    signal.signal(signal.SIGINT, _second)
    signal.default_int_handler(number, frame)


def _second(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        click.echo(
            "Interrupted again, so it ended at once without cleaning up.", err=True
        )
    finally:
        os._exit(INTERRUPTED)
