"""Systems that refuse what ours allows: system calls that fail, a file system that can
only be read, a user who is not root. Commands are run there in processes of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

__all__ = [
    "printed",
    "read_only",
    "refusing",
    "run_python",
    "small",
    "without_root_rights",
]


def refusing(call: str, errno: str, folder: Path) -> dict[str, str]:
    """The environment of processes in which this call of the C library, which gives an
    int, fails with this errno: a library, built here, is loaded before it.
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


def printed(code: str, env: dict[str, str] | None = None) -> str:
    """What a Python of its own prints that runs the code, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def read_only(folder: Path) -> tuple[str, ...]:
    """The words before a command for which the folder is read-only."""
    to = f"'{folder}'"
    return _mounted(f"mount --bind {to} {to} && mount -o remount,bind,ro {to}")


def small(folder: Path, size: str) -> tuple[str, ...]:
    """The words before a command for which the folder is empty, with room for this
    size, as in `1M`.
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
    """The words before a command that the modes of files hold for, root's too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
