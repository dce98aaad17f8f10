"""Files that are whole or not there."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["ERRORS", "write"]

ERRORS = "backslashreplace"
"""Texts of tests may have what is not in UTF-8."""


def write(file: Path, text: str) -> None:
    """Writes a file in one step: whoever looks sees the one before, or all of this.

    Raises:
        OSError: it can't be written. Then nothing is left of it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and not file.is_file():  # /dev/stdout has no other way
        file.write_text(text, "utf-8", ERRORS)
        return
    target = file.resolve()  # a link stays one
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        part.write_text(text, "utf-8", ERRORS)
        os.replace(part, target)  # noqa: PTH105  pathlib's says the wrong name if it fails
    except BaseException:
        part.unlink(missing_ok=True)
        raise
