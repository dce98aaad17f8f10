"""Processes that descend from a test, and the files they leave: by a mark in their
environment and a folder for temporary files of their own.
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
    """Puts the mark on everything that this process starts from now on."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self._mark = f"TESTKIT_MARK={uuid.uuid4().hex}"
        patch.setenv(*self._mark.split("="))
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("JAVA_TOOL_OPTIONS", f"-Djava.io.tmpdir={folder}")

    def processes(self) -> dict[int, str]:
        """The command lines of those that live, by their ids."""
        commands = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes():
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    commands[int(process.name)] = command.decode()
            except OSError:
                continue  # it ended meanwhile, or is another user's
        return commands

    def files(self) -> list[str]:
        """What lies in the folder for temporary files."""
        return sorted(path.name for path in self.folder.iterdir())

    def await_gone(self) -> None:
        """Waits until neither processes nor files are left."""
        deadline = time.monotonic() + GONE_SECONDS
        while left := (self.processes() or self.files()):
            assert time.monotonic() < deadline, left
            time.sleep(TICK_SECONDS)
