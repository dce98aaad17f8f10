"""The Java that runs our processes, what the environment adds to it, what makes it
start fast, how it answers and ends.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import random
import re
import shutil
import subprocess
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from spark_kafka_testkit import _clock
from spark_kafka_testkit._cache import cache_folder, make_folder
from spark_kafka_testkit.errors import JavaNotFoundError

__all__ = [
    "Answers",
    "ClassArchive",
    "EnvironmentOptions",
    "Java",
    "chooses_collector",
    "close_in_children",
    "end_process",
    "find_java",
    "wait_for_end",
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

END_SECONDS = 5.0
VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""The variables whose options every JVM takes; the last one after its command line."""
# The JVM's own rule: quotes may stand anywhere, and nothing escapes them.
OPTION = re.compile(r"""(?:[^\s'"]|"[^"]*"|'[^']*')+""")
COLLECTOR = re.compile(r"-XX:[+-]Use\w+GC")
# What our own flags decide: two collectors, or a smallest heap above the largest, and
# the JVM does not start.
SIZED_BY_US = re.compile(
    rf"{COLLECTOR.pattern}|-Xm[nsx].*|-XX:(Initial|Min|Max)HeapSize=.*|-Xshare:.*"
    r"|-XX:(SharedArchiveFile|ArchiveClassesAtExit|SharedClassListFile|AOT\w+)=.*"
    r"|-XX:[+-]AutoCreateSharedArchive"
)
# What holds a port that one JVM alone can have: the user's is meant.
FOR_ONE_JVM = re.compile(
    r"-agentlib:jdwp\b.*|-agentpath:.*\blibjdwp\b.*|-Xrunjdwp\b.*|-Xdebug"
    r"|-Dcom\.sun\.management\.jmxremote\.(rmi\.)?port=.*"
)
# The last two may name one in their file.
AGENT = re.compile(
    r"-(javaagent|agentlib|agentpath):.*|-Xrun.*|-XX:(VMOptionsFile|Flags)=.*|@.*"
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
            env=EnvironmentOptions.read().environment,
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


@dataclass(frozen=True)
class EnvironmentOptions:
    """What the environment gives to every JVM (JAVA_TOOL_OPTIONS and its like), for one
    of our own: truststores, proxies and agents stay; heap, collector, class archive and
    debugger are left out.

    Attributes:
        kept: the options that stay, without quotes.
        environment: the variables for a process of ours.
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
                continue  # not set; or a quote without an end, which the JVM tells of
            raw = [option for option in OPTION.findall(text) if not _left_out(option)]
            environment[variable] = " ".join(raw)
            kept += map(_unquoted, raw)
        return cls(tuple(kept), environment)

    def hint(self) -> str:
        """What to add where a JVM did not start."""
        found = [name for name in VARIABLES if self.environment.get(name)]
        if not found:
            return ""
        names = " and ".join(found)
        return f"; it was given the options of {names}, which may be the cause"


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
            "the kit's own JVMs start without %s: it is left to yours, and its port",
            option,
        )


def chooses_collector(*texts: str) -> bool:
    """Whether one of the texts, or the environment of Spark's driver, names a garbage
    collector: a JVM takes one only.
    """
    of_environment = (
        os.environ.get(name, "") for name in (*VARIABLES, "SPARK_SUBMIT_OPTS")
    )
    return any(
        COLLECTOR.fullmatch(_unquoted(option)) and option.startswith("-XX:+")
        for text in (*texts, *of_environment)
        for option in OPTION.findall(text)
    )


class ClassArchive:
    """The class-data archive of one Java, its flags and one set of jars: recorded when
    a first process of the kind ends, used by all that start later. Where none is there
    and none can be written, processes start without it.

    Args:
        kind: what the process is; it begins the archive's name.
        java: the Java.
        flags: its other flags; there is no archive beside an agent's.
        jars: the class path.

    Attributes:
        flags: what to add to the process's flags.
    """

    def __init__(
        self, kind: str, java: Java, flags: Sequence[str], jars: Sequence[Path]
    ) -> None:
        self._part: Path | None = None
        if any(map(AGENT.fullmatch, flags)):  # the JVM would end, or not take it
            self.flags: list[str] = []
            return
        # whole seconds, as Java looks at: layers of container images keep no more
        stamps = [
            f"{jar}:{jar.stat().st_size}:{int(jar.stat().st_mtime)}" for jar in jars
        ]
        key = hashlib.sha256(
            "\n".join([str(java.executable), java.version, *flags, *stamps]).encode()
        ).hexdigest()[:16]
        folder = cache_folder() / "archives"
        self._file = folder / f"{kind}-{key}.{'aot' if java.major >= 25 else 'jsa'}"
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


class Answers:
    """The line on a process's stdout that answers how its start went. All other lines,
    before and after it, are an agent's or the JVM's own; they are drawn off all along,
    or the process would stand still when the pipe is full.

    Args:
        popen: the process.
        marks: the beginnings of an answer.
        log: takes the other lines: an open file.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        marks: Iterable[str],
        log: IO[bytes],
    ) -> None:
        stdout = popen.stdout
        assert stdout is not None
        self._lines: Iterator[bytes] = stdout
        self._marks = tuple(marks)
        # of the thread's own, which may outlive the file; they have one position
        self._log = os.fdopen(os.dup(log.fileno()), "ab", buffering=0)
        self._found: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> str:
        """The answer; empty where the process has ended without one.

        Raises:
            TimeoutError: there was none in time.
        """
        try:
            return self._found.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {seconds:g} s") from None

    def end(self) -> None:
        """Waits for the last line of a process that has ended."""
        self._thread.join(END_SECONDS)

    def _draw(self) -> None:
        is_answered = False
        with self._log:
            for data in self._lines:
                line = data.decode(errors="replace").strip()
                if not is_answered and line.startswith(self._marks):
                    is_answered = True
                    self._found.put(line)
                else:
                    self._log.write(data)
        if not is_answered:
            self._found.put("")


def wait_for_end(popen: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends in time; the clock of `Popen.wait` may be frozen."""
    deadline = _clock.monotonic() + seconds
    while popen.poll() is None:
        if _clock.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def end_process(
    popen: subprocess.Popen[bytes], answers: Answers, name: str, seconds: float
) -> None:
    """Ends a process that ends with its stdin, and kills one that does not in time."""
    assert popen.stdin is not None
    assert popen.stdout is not None
    try:
        popen.stdin.close()
    except OSError:
        pass  # the process has gone before
    if not wait_for_end(popen, seconds):
        log.warning(
            "%s (pid %d) did not end within %g s; it is killed",
            name,
            popen.pid,
            seconds,
        )
        popen.kill()
        popen.wait()
    answers.end()
    popen.stdout.close()


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


def _environment() -> dict[str, str]:
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
