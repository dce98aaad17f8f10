"""The Java that runs the embedded broker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit.errors import JavaNotFoundError

__all__ = ["Java", "find_java"]

MINIMUM = 17
HINT = (
    f"The embedded broker needs Java {MINIMUM} or newer. Install one (Debian and "
    "Ubuntu: apt install openjdk-17-jre-headless; "
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


def find_java() -> Java:
    """The Java of JAVA_HOME, else the one on the PATH.

    Raises:
        JavaNotFoundError: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None:
        raise JavaNotFoundError(
            "No Java was found: JAVA_HOME is not set, and there is no java on the "
            f"PATH. {HINT}"
        )
    if not os.access(found, os.X_OK):
        raise JavaNotFoundError(
            f"JAVA_HOME is {home}, and {found} is not there or can't be run. {HINT}"
        )
    executable = Path(found).resolve()
    java = Java(executable, _release_version(executable) or _asked_version(executable))
    if java.major < MINIMUM:
        raise JavaNotFoundError(f"{found} is Java {java.version}. {HINT}")
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


def _asked_version(executable: Path) -> str:
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
            f"{executable} could not be run: {error}. {HINT}"
        ) from error
    match = re.search(r'version "([^"]+)"', answer)
    if match is None:
        raise JavaNotFoundError(
            f"{executable} -version gave no version, but: {answer.strip()!r}. {HINT}"
        )
    return match[1]
