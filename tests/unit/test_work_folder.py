"""Temporary folders: what a killed process left goes, what others use stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_kafka_testkit._work_folder import WorkFolder

HOLDER = """
import sys, time
from spark_kafka_testkit._work_folder import WorkFolder
folder = WorkFolder("some")
(folder.path / "file").touch()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, for this test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def hold() -> tuple[subprocess.Popen[str], Path]:
    """A process with a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_private_and_goes_when_it_is_removed(temp: Path) -> None:
    """A second call does nothing."""
    folder = WorkFolder("some")
    assert folder.path.parent == temp
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "file").touch()
    folder.remove()
    folder.remove()
    assert list(temp.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next(temp: Path) -> None:
    """Those of processes that live, of another purpose and of others' stay."""
    lives, kept = hold()
    killed, left = hold()
    other = temp / "spark-kafka-testkit-some-thing-of-the-users"
    other.mkdir()
    killed.kill()
    killed.wait()
    assert left.is_dir()
    last, third = hold()
    assert set(temp.iterdir()) == {kept, other, third}
    for process in (lives, last):
        process.communicate()


def test_a_forked_process_leaves_the_folder_of_its_parent(temp: Path) -> None:
    """Its end must not take what the parent works with."""
    with WorkFolder("some") as folder:
        child = os.fork()
        if child == 0:
            folder.remove()
            os._exit(0)
        os.waitpid(child, 0)
        assert folder.path.is_dir()
    assert not folder.path.exists()
