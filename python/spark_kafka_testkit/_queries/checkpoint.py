"""How far a job in another process has come, by what its checkpoint has."""

from __future__ import annotations

import json
from pathlib import Path

from spark_kafka_testkit._queries.position import Offsets, Source, offsets_of

__all__ = ["committed_sources"]


def committed_sources(checkpoint: Path) -> list[Source] | None:
    """The Kafka sources as of the last batch that was committed: a file of its number
    in `commits`, and one in `offsets` with a line for each source. None where none is.

    Args:
        checkpoint: the checkpoint location.
    """
    last = max(_batches(checkpoint / "commits"), default=None)
    if last is None:
        return None
    try:
        lines = (checkpoint / "offsets" / str(last)).read_text().splitlines()
    except FileNotFoundError:
        return None  # it is cleaned up, and a later one is committed
    found = (_offsets(line) for line in lines)
    return [
        Source("Subscribe", ", ".join(offsets), offsets) for offsets in found if offsets
    ]


def _batches(folder: Path) -> list[int]:
    try:
        return [int(file.name) for file in folder.iterdir() if file.name.isdigit()]
    except FileNotFoundError:
        return []


def _offsets(line: str) -> Offsets:
    """Of a line: the offsets of a Kafka source are JSON, by topic and partition."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return offsets_of(told)
