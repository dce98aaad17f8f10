"""The process's own streams, which may be closed, full, or no longer read by anyone."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

__all__ = ["guard_streams"]

BROKEN_PIPE = 141
"""The exit code that a shell reports for a command ended by SIGPIPE."""


class _Out(io.FileIO):
    """Stdout. If it can't be written, that ends the command and is reported once."""

    _is_lost = False

    def write(self, data: Any, /) -> int:
        if self._is_lost:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:  # whoever read the output has seen enough
            self._is_lost = True
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        except OSError as error:
            self._is_lost = True
            raise click.ClickException(
                f"stdout can't be written: {error.strerror}."
            ) from error


class _Err(io.FileIO):
    """Stderr. What can't be written is dropped: the exit code says the same."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def guard_streams() -> None:
    """Report unwritable output with a line on stderr and the exit code.

    For a closed stdout that happens immediately, before anything is done whose result
    would be lost.
    """
    is_closed = not _is_open(1)
    for number in range(3):
        if not _is_open(number):  # else the next file or socket takes its number
            os.open(os.devnull, os.O_RDWR)
    sys.stderr = _text(_Err(2, "w", closefd=False))
    if is_closed:
        click.echo("Error: stdout is closed.", err=True)
        sys.exit(1)
    sys.stdout = _text(_Out(1, "w", closefd=False))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _text(raw: io.FileIO) -> io.TextIOWrapper:
    encoding = getattr(sys.__stdout__ or sys.__stderr__, "encoding", None)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        # half of a surrogate pair is written as JSON escapes it
        errors="backslashreplace",
        line_buffering=raw.fileno() == 2 or raw.isatty(),
    )
