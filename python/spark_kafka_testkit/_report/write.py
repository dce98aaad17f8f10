"""Write files whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["ERRORS", "write"]

ERRORS = "backslashreplace"
"""How to write what UTF-8 can't encode, which the texts of tests may contain."""


def write(file: Path, text: str) -> None:
    """Write a file in one step, so that nobody ever sees half of it.

    Missing folders are created. A path that exists and is not a file, such as a pipe,
    is written to directly.

    Args:
        file: the path.
        text: the text.

    Raises:
        OSError: it can't be written. An earlier file stays as it was, and nothing of
            the new one is left.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and not file.is_file():  # /dev/stdout can't be replaced
        file.write_text(text, "utf-8", ERRORS)
        return
    target = file.resolve()  # a symbolic link stays one
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        part.write_text(text, "utf-8", ERRORS)
        os.replace(part, target)  # noqa: PTH105  pathlib's error has the wrong name
    except BaseException:
        part.unlink(missing_ok=True)
        raise
