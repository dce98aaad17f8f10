"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spark_kafka_testkit._report.write import write


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    """Text that UTF-8 can't encode is written too. No other file is left behind."""
    file = tmp_path / "reports" / "report.html"
    write(file, "before")
    write(file, "caf\u00e9 \ud800")
    assert file.read_text("utf-8") == "caf\u00e9 \\ud800"
    assert [each.name for each in file.parent.iterdir()] == ["report.html"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder can't be replaced with a file."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match=r"report\.html"):
        write(tmp_path / "report.html", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    """The file that a symbolic link points to is written."""
    (tmp_path / "link.json").symlink_to(tmp_path / "there.json")
    write(tmp_path / "link.json", "text")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "there.json").read_text() == "text"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """So a user can give /dev/stdout."""
    read, write_end = os.pipe()
    try:
        write(Path(f"/dev/fd/{write_end}"), "text")
        assert os.read(read, 10) == b"text"
    finally:
        os.close(read)
        os.close(write_end)
