"""Temporary folders that disappear with the process that made them, however it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["WorkFolder"]

HELD = ".held"


class WorkFolder:
    """A new temporary folder.

    A lock on a file in it shows that its process is alive. What killed processes have
    left, the next process removes. It is a context manager.

    Args:
        purpose: a word that becomes part of the name.
        parent: the folder to put it in. None uses the system's temporary folder.

    Attributes:
        path: the folder.

    Raises:
        OSError: it can't be created.
    """

    def __init__(self, purpose: str, parent: str | None = None) -> None:
        prefix = f"spark-kafka-testkit-{purpose}-"
        _sweep(parent or tempfile.gettempdir(), prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._held = _hold(self.path)
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove it.

        A second call does nothing, and neither does one in a process that was forked:
        the folder is its parent's.
        """
        if self._pid != os.getpid():
            return
        if self._held is not None:
            os.close(self._held)
            self._held = None
        shutil.rmtree(self.path, ignore_errors=True)


def _hold(folder: Path) -> int | None:
    """A locked file in the folder, or None if the file system has no locks."""
    import fcntl

    part = folder / f"{HELD}.part"
    handle = os.open(part, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        part.unlink()
        return None
    part.rename(folder / HELD)  # nobody ever sees it without its lock
    return handle


@cache
def _sweep(parent: str, prefix: str) -> None:
    """Remove the folders whose process is gone, once per process."""
    import fcntl

    for folder in Path(parent).glob(f"{prefix}*"):
        try:
            handle = os.open(folder / HELD, os.O_RDWR)
        except OSError:
            continue  # another user's, or its owner can't be determined
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its process is alive
        finally:
            os.close(handle)
