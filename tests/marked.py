"""Find the processes that descend from a test, and the files that they leave.

A mark in their environment and a folder of their own for temporary files identify them.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

__all__ = ["Marked"]

GONE_SECONDS = 60.0
TICK_SECONDS = 0.05


class Marked:
    """A mark on everything that this process starts from now on."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self._mark = f"TESTKIT_MARK={uuid.uuid4().hex}"
        patch.setenv(*self._mark.split("="))
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("JAVA_TOOL_OPTIONS", f"-Djava.io.tmpdir={folder}")

    def processes(self) -> dict[int, str]:
        """The command lines of the processes that live, by process id."""
        commands = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes():
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    commands[int(process.name)] = command.decode()
            except OSError:
                continue  # it has ended, or belongs to another user
        return commands

    def files(self) -> list[str]:
        """The files in the folder for temporary files."""
        return sorted(path.name for path in self.folder.iterdir())

    def await_gone(self) -> None:
        """Wait until neither processes nor files are left."""
        deadline = time.monotonic() + GONE_SECONDS
        while left := (self.processes() or self.files()):
            assert time.monotonic() < deadline, left
            time.sleep(TICK_SECONDS)
