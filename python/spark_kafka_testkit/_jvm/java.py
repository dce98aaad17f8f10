"""The Java that runs our processes, what makes it start fast, and how they end."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import re
import shutil
import subprocess
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit._cache import cache_folder, make_folder
from spark_kafka_testkit.errors import JavaNotFoundError

__all__ = [
    "ClassArchive",
    "Java",
    "close_in_children",
    "find_java",
    "java_environment",
]

log = logging.getLogger("spark_kafka_testkit")

MINIMUM = 17
HINT = (
    f"The embedded broker needs Java {MINIMUM} or newer. Install one "
    "(Debian and Ubuntu: apt install openjdk-17-jre-headless; "
    "macOS: brew install openjdk@17; conda: conda install -c conda-forge openjdk=17) "
    "and set JAVA_HOME to it, "
    'or use backend="container", which needs Docker instead.'
)


@dataclass(frozen=True)
class Java:
    """A Java runtime.

    Attributes:
        executable: the `java` command.
        version: the full version, for example `17.0.15`.
    """

    executable: Path
    version: str

    @property
    def major(self) -> int:
        numbers = [int(number) for number in re.findall(r"\d+", self.version)[:2]]
        return numbers[1] if numbers[0] == 1 else numbers[0]


def find_java(hint: str = HINT) -> Java:
    """The Java of JAVA_HOME, else the one on the PATH.

    Args:
        hint: what to do without one.

    Raises:
        JavaNotFoundError: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None:
        raise JavaNotFoundError(
            "No Java was found: JAVA_HOME is not set, and there is no java on the "
            f"PATH. {hint}"
        )
    if not os.access(found, os.X_OK):
        raise JavaNotFoundError(
            f"JAVA_HOME is {home}, and {found} is not there or can't be run. {hint}"
        )
    executable = Path(found).resolve()
    java = Java(
        executable, _release_version(executable) or _asked_version(executable, hint)
    )
    if java.major < MINIMUM:
        raise JavaNotFoundError(f"{found} is Java {java.version}. {hint}")
    return java


def _release_version(executable: Path) -> str | None:
    """The version from the runtime's `release` file: starting a JVM to ask would cost a
    tenth of a broker's start.
    """
    try:
        text = (executable.parent.parent / "release").read_text()
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE)
    return match[1] if match else None


def _asked_version(executable: Path, hint: str) -> str:
    try:
        answer = subprocess.run(
            [str(executable), "-version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaNotFoundError(
            f"{executable} could not be run: {error}. {hint}"
        ) from error
    match = re.search(r'version "([^"]+)"', answer)
    if match is None:
        raise JavaNotFoundError(
            f"{executable} -version gave no version, but: {answer.strip()!r}. {hint}"
        )
    return match[1]


class ClassArchive:
    """The class-data archive of one Java, its flags and one set of jars: recorded when
    a first process of the kind ends, used by all that start later. Where none is there
    and none can be written, processes start without it.

    Args:
        kind: what the process is; it begins the archive's name.
        java: the Java.
        flags: its other flags.
        jars: the class path.

    Attributes:
        flags: what to add to the process's flags.
    """

    def __init__(
        self, kind: str, java: Java, flags: Sequence[str], jars: Sequence[Path]
    ) -> None:
        # whole seconds, as Java looks at: layers of container images keep no more
        stamps = [
            f"{jar}:{jar.stat().st_size}:{int(jar.stat().st_mtime)}" for jar in jars
        ]
        key = hashlib.sha256(
            "\n".join([str(java.executable), java.version, *flags, *stamps]).encode()
        ).hexdigest()[:16]
        folder = cache_folder() / "archives"
        self._file = folder / f"{kind}-{key}.{'aot' if java.major >= 25 else 'jsa'}"
        self._part: Path | None = None
        _sweep(folder)
        if os.access(self._file, os.R_OK) and self._file.is_file():
            self.flags = (
                [f"-XX:AOTCache={self._file}"]
                if java.major >= 25
                else [f"-XX:SharedArchiveFile={self._file}", "-Xshare:auto"]
            )
            return
        self.flags = []
        try:
            make_folder(folder)
        except OSError as error:
            log.info("without a class archive, which can't be kept: %s", error)
            return
        if not os.access(folder, os.W_OK):
            log.info("without a class archive: %s can't be written", folder)
            return
        self._part = (
            folder / f".{self._file.name}.{os.getpid()}.{random.getrandbits(32):08x}"
        )
        option = "AOTCacheOutput" if java.major >= 25 else "ArchiveClassesAtExit"
        self.flags = [f"-XX:{option}={self._part}"]

    def end(self, is_ready: bool) -> None:
        """Puts a recorded archive in its place, whole or not at all; that of a process
        that never was ready holds too little.
        """
        if self._part is None:
            return
        part, self._part = self._part, None
        try:
            if is_ready and part.is_file():
                part.replace(self._file)
            for left in (part, part.with_name(f"{part.name}.config")):
                left.unlink(missing_ok=True)
        except OSError as error:
            log.info("the class archive could not be kept: %s", error)


def _sweep(folder: Path) -> None:
    """Removes archives that were recorded for processes which have been killed."""
    for part in folder.glob(".*"):
        owner = re.search(r"\.(\d+)\.[0-9a-f]{8}(\.config)?$", part.name)
        if owner is None or _is_alive(int(owner[1])):
            continue
        try:
            part.unlink(missing_ok=True)
        except OSError:
            return  # it is not ours to clean


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def close_in_children(popen: subprocess.Popen[bytes]) -> None:
    """Closes our end of the process's stdin in forked children: one that lives on would
    keep the process alive.
    """
    reference = weakref.ref(popen)

    def close() -> None:
        process = reference()
        if (
            process is not None
            and process.stdin is not None
            and not process.stdin.closed
        ):
            process.stdin.close()

    os.register_at_fork(after_in_child=close)


def java_environment() -> dict[str, str]:
    """The environment for a JVM that reads the names of files as this process does:
    Python takes them for UTF-8 in the C locale too, Java does not.
    """
    locale = next(
        (os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)),
        "C",
    )
    if locale in ("C", "POSIX"):
        return {**os.environ, "LC_ALL": "C.UTF-8"}
    return dict(os.environ)
