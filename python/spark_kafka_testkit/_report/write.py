"""Files that are whole or not there."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["write"]


def write(file: Path, text: str) -> None:
    """Writes a file in one step: whoever looks sees the one before, or all of this.

    Raises:
        OSError: it can't be written. Then nothing is left of it.
    """
    target = file.resolve()  # a link stays one
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # /dev/stdout has no other way
        target.write_text(text, "utf-8")
        return
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, target)  # noqa: PTH105  pathlib's says the wrong name if it fails
    except BaseException:
        part.unlink(missing_ok=True)
        raise
