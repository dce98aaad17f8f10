"""Folders of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit._arguments import local_folder


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("/a/b", "/a/b"),
        (Path("/a/b"), "/a/b"),
        ("a/b", "a/b"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b%20c", "/a/b c"),
    ],
)
def test_a_folder_is_a_path_or_a_uri(value: Any, folder: str) -> None:
    """As Spark takes them."""
    assert local_folder("checkpoint", value) == Path(folder)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (5, TypeError, "checkpoint must be a path, not int"),
        ("", ValueError, "checkpoint must not be empty"),
        (
            "s3a://bucket/a",
            ValueError,
            "checkpoint must be a folder on this machine, got 's3a://bucket/a'",
        ),
    ],
)
def test_what_is_no_folder_here_is_refused(
    value: Any, kind: type[Exception], text: str
) -> None:
    """It can't be looked at."""
    with pytest.raises(kind) as caught:
        local_folder("checkpoint", value)
    assert str(caught.value) == text
