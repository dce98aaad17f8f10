"""Systems that refuse what ours allows.

System calls fail, a file system is read-only, or a user is not root. Commands run there
in processes of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.processes import HANG_SECONDS

__all__ = [
    "printed",
    "read_only",
    "refusing",
    "run_python",
    "small",
    "without_root_rights",
]


def refusing(call: str, errno: str, folder: Path) -> dict[str, str]:
    """The environment of processes in which this call of the C library fails.

    The call returns an int, and fails with this errno: a library that is built here is
    loaded before the C library.
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
    """Run the code in a new Python, prefixed with the command words in `before`."""
    return subprocess.run(
        [*before, sys.executable, "-c", textwrap.dedent(code)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def printed(code: str, env: dict[str, str] | None = None) -> str:
    """What a new Python prints when it runs the code, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def read_only(folder: Path) -> tuple[str, ...]:
    """The words before a command for which the folder is read-only."""
    to = f"'{folder}'"
    return _mounted(f"mount --bind {to} {to} && mount -o remount,bind,ro {to}")


def small(folder: Path, size: str) -> tuple[str, ...]:
    """The words before a command for which the folder is empty and small.

    Its size is written as in `1M`.
    """
    return _mounted(f"mount -t tmpfs -o size={size} none '{folder}'")


def _mounted(script: str) -> tuple[str, ...]:
    own_mounts = ("unshare", "--mount", "--map-root-user", "sh", "-c")
    try:
        subprocess.run([*own_mounts, script], check=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no mounts of our own: {error}")
    return (*own_mounts, f'{script} && exec "$@"', "_")


def without_root_rights() -> tuple[str, ...]:
    """The words before a command to which file modes apply even if it runs as root."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
