"""The class-data archive that lets the kit's JVMs start fast."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from spark_kafka_testkit import _clock
from spark_kafka_testkit._cache import cache_folder, make_folder
from spark_kafka_testkit._jvm.java import Java
from spark_kafka_testkit._stamp import is_as_stamped, stamp, stamp_of

__all__ = ["ClassArchive"]

SUFFIXES = (".jsa", ".aot")
REFUSED = ".refused"
UNUSED_SECONDS = 30 * 86400.0
MAX_BYTES = 1 << 30

log = logging.getLogger("spark_kafka_testkit")

# The last two may name a file with such an option in it.
AGENT = re.compile(
    r"-(javaagent|agentlib|agentpath):.*|-Xrun.*|-XX:(VMOptionsFile|Flags)=.*|@.*"
)


class ClassArchive:
    """The class-data archive of one Java, its flags and one set of jars.

    The first process of its name records it when it ends, and all later ones use it. If
    there is none and none can be written, processes start without it.

    A JVM does not check an archive, and dies of a broken one. So a stamp is written
    beside an archive when it is complete, and one that does not match its stamp is
    recorded again.

    Args:
        name: the kind of process, with which the archive's own name begins.
        java: the Java.
        flags: its other flags. With an agent among them there is no archive. Properties
            and log options do not decide what an archive holds.
        jars: the class path.
        records: whether the process should record one if there is none.

    Attributes:
        flags: what to add to the process's flags.
        is_used: whether the process starts from one.
        is_lacking: whether one is missing and could be recorded.
    """

    def __init__(
        self,
        name: str,
        java: Java,
        flags: Sequence[str],
        jars: Sequence[Path],
        *,
        records: bool = True,
    ) -> None:
        self._part: Path | None = None
        self.is_used = False
        self.is_lacking = False
        self.flags: list[str] = []
        if any(map(AGENT.fullmatch, flags)):  # the JVM would end, or not use it
            return
        decisive = [flag for flag in flags if not flag.startswith(("-D", "-Xlog:"))]
        # whole seconds, which Java compares: layers of container images keep no more
        stamps = [
            f"{jar}:{jar.stat().st_size}:{int(jar.stat().st_mtime)}" for jar in jars
        ]
        key = hashlib.sha256(
            "\n".join([str(java.executable), java.version, *decisive, *stamps]).encode()
        ).hexdigest()[:16]
        folder = cache_folder() / "archives"
        self._file = folder / f"{name}-{key}.{'aot' if java.major >= 25 else 'jsa'}"
        _sweep(folder)
        if is_as_stamped(self._file):
            self.is_used = True
            _note_use(self._file)
            self.flags = (
                [f"-XX:AOTCache={self._file}"]
                if java.major >= 25
                else [f"-XX:SharedArchiveFile={self._file}", "-Xshare:auto"]
            )
            return
        try:
            make_folder(folder)
        except OSError as error:
            log.info("without a class archive, which can't be kept: %s", error)
            return
        if not os.access(folder, os.W_OK):
            log.info("without a class archive: %s can't be written", folder)
            return
        self.is_lacking = not self._is_refused()
        if not records:
            return
        self._part = (
            folder / f".{self._file.name}.{os.getpid()}.{random.getrandbits(32):08x}"
        )
        option = "AOTCacheOutput" if java.major >= 25 else "ArchiveClassesAtExit"
        self.flags = [f"-XX:{option}={self._part}"]

    def end(self, is_whole: bool) -> bool:
        """Put a recorded archive in its place, or remove it.

        The archive of a process that was never ready holds too little, and that of a
        killed one is cut off.

        Returns:
            Whether the JVM has written one.
        """
        if self._part is None:
            return False
        part, self._part = self._part, None
        is_written = part.is_file()
        try:
            if is_whole and is_written:
                part.chmod(0o644)
                stamp(part, self._file)
                part.replace(self._file)
                _thin_out(self._file.parent, self._file)
            for left in (part, part.with_name(f"{part.name}.config")):
                left.unlink(missing_ok=True)
        except OSError as error:
            log.info("the class archive could not be kept: %s", error)
        return is_written

    def refuse(self) -> None:
        """Note that Java writes no archive for this class path.

        Nobody tries again for as long as an archive would be kept.
        """
        refusal = self._file.with_suffix(REFUSED)
        try:
            refusal.touch()
        except OSError as error:
            log.info("%s can't be written: %s", refusal, error)

    def _is_refused(self) -> bool:
        try:
            noted = self._file.with_suffix(REFUSED).stat().st_mtime
        except OSError:
            return False
        return _clock.now() - noted < UNUSED_SECONDS

    def discard(self) -> bool:
        """Remove the archive that the process used, and may have died of.

        Returns:
            Whether there was one.
        """
        if not self.is_used:
            return False
        log.info("the class archive %s is no longer used", self._file)
        self.is_used = False
        _remove(self._file)
        return True


def _note_use(archive: Path) -> None:
    """Set the access time to now: the modification time is part of its stamp."""
    try:
        os.utime(archive, ns=(int(_clock.now() * 10**9), archive.stat().st_mtime_ns))
    except OSError:
        pass  # a read-only cache


def _thin_out(folder: Path, kept: Path) -> None:
    """Remove archives that have not been used for long.

    If those of one kind have too many bytes, the least recently used of them go as
    well. Each kind has its own limit, so that the archives of many brokers do not
    displace Spark's.
    """
    try:
        archives = [
            (file, file.stat()) for file in folder.iterdir() if file.suffix in SUFFIXES
        ]
    except OSError:
        return  # another process is doing the same
    archives.sort(key=lambda archive: archive[1].st_atime, reverse=True)
    sizes: Counter[str] = Counter()
    for archive, facts in archives:
        kind = archive.name.rpartition("-")[0]
        sizes[kind] += facts.st_size
        is_old = _clock.now() - facts.st_atime > UNUSED_SECONDS
        if archive != kept and (is_old or sizes[kind] > MAX_BYTES):
            _remove(archive)


def _remove(archive: Path) -> None:
    for file in (stamp_of(archive), archive):
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            log.info("%s can't be removed: %s", file, error)


def _sweep(folder: Path) -> None:
    """Remove archives that were recorded for processes that have been killed."""
    for part in folder.glob(".*"):
        owner = re.search(r"\.(\d+)\.[0-9a-f]{8}(\.\w+)?$", part.name)
        if owner is None or _is_alive(int(owner[1])):
            continue
        try:
            part.unlink(missing_ok=True)
        except OSError:
            return  # it belongs to somebody else


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
