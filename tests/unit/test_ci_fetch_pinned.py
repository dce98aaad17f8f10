"""ci/fetch_pinned.py, which ci/sbt gets its launcher by."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "ci/fetch_pinned.py"
SHA256 = hashlib.sha256(b"launcher").hexdigest()


def fetch_pinned(source: Path, sha256: str, file: Path) -> tuple[int, str]:
    """What it ends with, and what it says."""
    command = [sys.executable, str(SCRIPT), source.name, sha256, str(file)]
    mirror = {"SPARK_KAFKA_TESTKIT_MAVEN_URL": source.parent.as_uri()}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **mirror},
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_file_is_fetched_once_and_checked_every_time(tmp_path: Path) -> None:
    """What lies there already is checked too, and not fetched again."""
    source, file = tmp_path / "source.jar", tmp_path / "cache/launcher.jar"
    source.write_bytes(b"launcher")
    assert fetch_pinned(source, SHA256, file) == (0, "")
    source.unlink()
    assert fetch_pinned(source, SHA256, file) == (0, "")
    file.write_bytes(b"launch")
    assert fetch_pinned(source, SHA256, file) == (
        1,
        f"{file} is damaged: remove it and run again.\n",
    )
    assert list(file.parent.iterdir()) == [file]


def test_another_file_than_the_pinned_one_is_not_kept(tmp_path: Path) -> None:
    """Nor is one that can't be fetched."""
    source, file = tmp_path / "source.jar", tmp_path / "cache/launcher.jar"
    source.write_bytes(b"another")
    assert fetch_pinned(source, SHA256, file) == (
        1,
        f"{source.as_uri()} is not the file that is pinned (its sha256 differs). "
        "Check the mirror, or the pin.\n",
    )
    source.unlink()
    code, said = fetch_pinned(source, SHA256, file)
    assert code == 1
    assert said.startswith(f"{source.as_uri()} can't be fetched: ")
    assert not list(file.parent.iterdir())
