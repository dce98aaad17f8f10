"""The Java that runs the kit's processes, and what the environment adds to it."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit.errors import JavaNotFoundError

__all__ = [
    "HINT",
    "EnvironmentOptions",
    "Java",
    "drivers_options",
    "find_java",
    "names_archive",
    "names_collector",
]

log = logging.getLogger("spark_kafka_testkit")

MINIMUM = 17
HINT = (
    f"The embedded broker needs Java {MINIMUM} or newer. Install one (Debian and "
    "Ubuntu: apt install openjdk-17-jre-headless, macOS: brew install openjdk@17, "
    "conda: conda install -c conda-forge openjdk=17) and set JAVA_HOME to it, or use "
    "the backend `container`, which needs Docker instead."
)

VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""The variables whose options every JVM uses, the last one after its command line."""
# The JVM's own rule: quotes may be anywhere, and nothing escapes them.
OPTION = re.compile(r"""(?:[^\s'"]|"[^"]*"|'[^']*')+""")
COLLECTOR = re.compile(r"-XX:[+-]Use\w+GC")
ARCHIVE = re.compile(
    r"-Xshare:.*|-XX:(SharedArchiveFile|ArchiveClassesAtExit|SharedClassListFile|AOT\w+)"
    r"=.*|-XX:[+-]AutoCreateSharedArchive"
)
# Our own flags decide these. With two collectors, or a minimum heap above the maximum,
# the JVM does not start.
SIZED_BY_US = re.compile(
    rf"{COLLECTOR.pattern}|-Xm[nsx].*|-XX:(Initial|Min|Max)HeapSize=.*"
    rf"|{ARCHIVE.pattern}"
)
# These hold a port that only one JVM can have, and they are meant for the user's.
FOR_ONE_JVM = re.compile(
    r"-agentlib:jdwp\b.*|-agentpath:.*\blibjdwp\b.*|-Xrunjdwp\b.*|-Xdebug"
    r"|-Dcom\.sun\.management\.jmxremote\.(rmi\.)?port=.*"
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


def find_java(hint: str = HINT, least: int = MINIMUM) -> Java:
    """The Java of JAVA_HOME, else the one on the PATH.

    Args:
        hint: what to do without one.
        least: the lowest version that is accepted.

    Raises:
        JavaNotFoundError: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if command is None:
        raise JavaNotFoundError(
            "No Java was found: JAVA_HOME is not set, and there is no java on the "
            "PATH.",
            hint,
        )
    if not os.access(command, os.X_OK):
        raise JavaNotFoundError(
            f"JAVA_HOME is {home}, but {command} does not exist or can't be run.", hint
        )
    executable = Path(command).resolve()
    java = Java(
        executable, _release_version(executable) or _asked_version(executable, hint)
    )
    if java.major < least:
        raise JavaNotFoundError(f"{command} is Java {java.version}.", hint)
    return java


def _release_version(executable: Path) -> str | None:
    """The version from the runtime's `release` file.

    Starting a JVM to ask would cost a tenth of a broker's start.
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
            env=EnvironmentOptions.read().environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaNotFoundError(
            f"{executable} could not be run: {error}.", hint
        ) from error
    match = re.search(r'version "([^"]+)"', answer)
    if match is None:
        raise JavaNotFoundError(
            f"{executable} -version printed no version, but: {answer.strip()!r}.", hint
        )
    return match[1]


@dataclass(frozen=True)
class EnvironmentOptions:
    """What JAVA_TOOL_OPTIONS and the like give to every JVM, for one of the kit's.

    Truststores, proxies and agents stay. Heap, collector, class archive and debugger
    are left out.

    Attributes:
        kept: the options that stay, without quotes.
        environment: the variables for the process.
    """

    kept: tuple[str, ...]
    environment: dict[str, str]

    @classmethod
    def read(cls) -> EnvironmentOptions:
        kept: list[str] = []
        environment = _environment()
        for variable in VARIABLES:
            text = environment.get(variable)
            if text is None or OPTION.sub("", text).strip():
                continue  # not set, or a missing end quote, which the JVM reports
            raw = [option for option in OPTION.findall(text) if not _left_out(option)]
            environment[variable] = " ".join(raw)
            kept += map(_unquoted, raw)
        return cls(tuple(kept), environment)

    def hint(self) -> str:
        """A note for when a JVM did not start."""
        names = " and ".join(n for n in VARIABLES if self.environment.get(n))
        if not names:
            return ""
        return f". Its options from {names} may be the cause"


def _unquoted(option: str) -> str:
    return re.sub(r"""["']""", "", option)


def _left_out(option: str) -> bool:
    plain = _unquoted(option)
    if FOR_ONE_JVM.fullmatch(plain):
        _tell_once(plain)
        return True
    return SIZED_BY_US.fullmatch(plain) is not None


_told: set[str] = set()


def _tell_once(option: str) -> None:
    if option not in _told:
        _told.add(option)
        log.info(
            "the kit's own JVMs start without %s, which is left to your own JVM, as is "
            "its port",
            option,
        )


def drivers_options(*texts: str) -> list[str]:
    """The options of the JVM of Spark's driver, from settings and environment."""
    of_environment = (
        os.environ.get(name, "") for name in (*VARIABLES, "SPARK_SUBMIT_OPTS")
    )
    return [
        _unquoted(option)
        for text in (*of_environment, *texts)
        for option in OPTION.findall(text)
    ]


def names_archive(options: Iterable[str]) -> bool:
    """Whether they say which class archive is used or written, or that none is."""
    return any(map(ARCHIVE.fullmatch, options))


def names_collector(options: Iterable[str]) -> bool:
    """Whether they name a garbage collector, of which a JVM accepts only one."""
    return any(
        COLLECTOR.fullmatch(option) and option.startswith("-XX:+") for option in options
    )


def _environment() -> dict[str, str]:
    """The environment for a JVM that reads file names the way this process does.

    In the C locale, Python still reads them as UTF-8, but Java does not.
    """
    locale = next(
        (os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)),
        "C",
    )
    if locale in ("C", "POSIX"):
        return {**os.environ, "LC_ALL": "C.UTF-8"}
    return dict(os.environ)
