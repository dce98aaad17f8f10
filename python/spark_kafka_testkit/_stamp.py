"""Whether a cached file is the one that was put there, without reading all of it.

A stamp lies beside a file. It has the file's size, its time, and the SHA-256 of its
bytes, written when the file was complete. It is trusted only where nobody but this user
and root can write.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from spark_kafka_testkit._cache import cache_folder

__all__ = ["is_as_stamped", "sha256_of", "stamp", "stamp_of"]

OTHERS_MAY_WRITE = 0o022


def stamp_of(file: Path) -> Path:
    """The path of the file's stamp."""
    return file.with_name(f"{file.name}.stamp")


def stamp(file: Path, place: Path, sha256: str | None = None) -> None:
    """Write the stamp of a complete file that will be moved to its place.

    Raises:
        OSError: it can't be written.
    """
    facts = file.stat()
    part = file.with_name(f"{file.name}.stamp.{os.getpid()}")
    part.write_text(f"{facts.st_size} {facts.st_mtime_ns} {sha256 or sha256_of(file)}")
    part.chmod(0o644)
    part.replace(stamp_of(place))


def is_as_stamped(file: Path, sha256: str | None = None) -> bool:
    """Whether the file is the one that its stamp was written for.

    If a digest is given, the file must have it too. The bytes are read only if the
    file's time differs. False if others could have written the file or the stamp.
    """
    if not (_is_private(file) and _is_private(stamp_of(file))):
        return False
    try:
        size, time, digest = stamp_of(file).read_text().split()
        facts = file.stat()
        if facts.st_size != int(size) or sha256 not in (None, digest):
            return False
        # layers of container images keep whole seconds
        times = (int(time), int(time) // 10**9 * 10**9)
        return facts.st_mtime_ns in times or sha256_of(file) == digest
    except (OSError, ValueError):
        return False


def _is_private(file: Path) -> bool:
    """Whether only this user and root can change a file of the cache.

    That is the file, its folder, and the folders above it, up to the cache folder.
    """
    top = cache_folder()
    places = [file, *file.parents]
    try:
        places = places[: places.index(top) + 1]
        owners = {os.geteuid(), 0}
        facts = [place.stat() for place in places]
    except (OSError, ValueError):
        return False
    return all(
        place.st_uid in owners and not place.st_mode & OTHERS_MAY_WRITE
        for place in facts
    )


def sha256_of(file: Path) -> str:
    """The digest of the file's bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
