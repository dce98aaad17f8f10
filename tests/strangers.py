"""Another user of the machine who does what he can, in a process of his own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["other_user"]

PRELUDE = """
import encodings.idna, os, pwd, resource, socket, struct, sys  # none can be later
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
os.chdir("/")

def connect(port):
    return socket.create_connection(("127.0.0.1", port))

def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
"""


@contextmanager
def other_user(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run the code as the user `nobody`, until it ends or the block does.

    The block begins when the code has printed a line. The code can use `connect` and
    `reset`.
    """
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root, on Linux, can be another user")
    words = [sys.executable, "-c", PRELUDE + textwrap.dedent(code)]
    process = subprocess.Popen(
        [*words, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the other user's process has failed"
        yield process
    finally:
        process.kill()
        process.communicate()
