"""Systems that refuse what ours allows: a library, built here and loaded before the C
library, whose calls fail as they do there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

__all__ = ["refusing", "run_python"]


def refusing(call: str, errno: str, folder: Path) -> dict[str, str]:
    """The environment of processes in which this call of the C library, which gives an
    int, fails with this errno.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler, or not Linux")
    library = folder / f"no-{call}.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)],
        input=f"#include <errno.h>\nint {call}() {{ errno = {errno}; return -1; }}\n",
        text=True,
        check=True,
    )
    return {**os.environ, "LD_PRELOAD": str(library)}


def run_python(
    code: str, env: dict[str, str] | None = None, *before: str
) -> subprocess.CompletedProcess[str]:
    """Runs the code in a Python of its own, after the words of a command `before`."""
    return subprocess.run(
        [*before, sys.executable, "-c", textwrap.dedent(code)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
