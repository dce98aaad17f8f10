"""Temporary folders that go with the process that made them, however it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["WorkFolder"]

HELD = ".held"


class WorkFolder:
    """A new folder in the system's folder for such. A lock on a file in it tells that
    its process lives: what killed processes have left, the next one removes.

    Args:
        purpose: goes into the name.

    Attributes:
        path: the folder.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, purpose: str) -> None:
        prefix = f"spark-kafka-testkit-{purpose}-"
        _sweep(tempfile.gettempdir(), prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._held = _hold(self.path)

    def remove(self) -> None:
        """Removes it; a second call does nothing."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
        shutil.rmtree(self.path, ignore_errors=True)


def _hold(folder: Path) -> int | None:
    """A locked file in the folder; None where the file system has no locks."""
    import fcntl

    part = folder / f"{HELD}.part"
    handle = os.open(part, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        part.unlink()
        return None
    part.rename(folder / HELD)  # nobody sees it without its lock
    return handle


@cache
def _sweep(parent: str, prefix: str) -> None:
    """Removes, once in a process, the folders whose process has gone."""
    import fcntl

    for folder in Path(parent).glob(f"{prefix}*"):
        try:
            handle = os.open(folder / HELD, os.O_RDWR)
        except OSError:
            continue  # another user's, or one that nobody can tell about
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its process lives
        finally:
            os.close(handle)
