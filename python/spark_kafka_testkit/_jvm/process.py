"""A JVM that the kit starts.

The process reports how its start went, and lives as long as its stdin (`Owner.scala`),
so that it can't outlive this one.
"""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from spark_kafka_testkit import _clock
from spark_kafka_testkit._jvm.class_archive import ClassArchive
from spark_kafka_testkit._jvm.java import EnvironmentOptions, Java

__all__ = [
    "LOG_LINES",
    "BrokenArchiveError",
    "JavaProcess",
    "JavaProcessError",
    "close_in_children",
    "wait_for_end",
]

log = logging.getLogger("spark_kafka_testkit")

READY, FAILED = "READY", "FAILED "
STOP_SECONDS = 20.0
LAST_LINE_SECONDS = 5.0
LOG_LINES = 30


class JavaProcessError(Exception):
    """The process did not get ready. The text is the reason."""


class BrokenArchiveError(JavaProcessError):
    """The process may have died of its class archive, which is removed.

    Start another.
    """


class JavaProcess:
    """A JVM in a child process, started by the constructor.

    It answers on stdout with `READY`, or with `FAILED` and the reason. All its other
    output goes to the log.

    Args:
        name: its name in messages.
        archive: the beginning of its class archive's name.
        java: the Java.
        flags: flags for the JVM, in addition to those of the environment.
        jars: the class path.
        main: the main class and its arguments.
        log: an open file, closed with the process.
        properties: system properties, which do not decide what an archive holds.
        folder: its working folder, by default that of this process.

    Raises:
        JavaProcessError: the system can't start it.
    """

    def __init__(
        self,
        name: str,
        archive: str,
        java: Java,
        flags: Sequence[str],
        jars: Sequence[Path],
        main: Sequence[str],
        log: IO[bytes],
        properties: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self._name = name
        self._options = EnvironmentOptions.read()
        self._archive = ClassArchive(archive, java, [*flags, *self._options.kept], jars)
        self._is_ready = False
        self._log = log
        class_path = os.pathsep.join(map(str, jars))
        options = [*flags, *self._archive.flags, *properties, "-cp", class_path]
        try:
            self._popen = subprocess.Popen(
                [str(java.executable), *options, *main],
                cwd=folder,
                env=self._options.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal is for us to handle
            )
        except OSError as error:
            log.close()
            raise JavaProcessError(str(error)) from error
        close_in_children(self._popen)
        self._answer = _Answer(self._popen, log)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def ended(self) -> str:
        """How it has ended, or empty while it runs."""
        code = self._popen.poll()
        if code is None:
            return ""
        return f"its process (pid {self.pid}) ended with exit code {code}"

    def write_line(self, text: str) -> None:
        """Write a line to its stdin.

        If the process has ended, later calls report it.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(f"{text}\n".encode())
            self._popen.stdin.flush()
        except BrokenPipeError:
            pass

    def wait_until_ready(self, seconds: float) -> str:
        """Wait for `READY`, and return the text after it.

        Raises:
            BrokenArchiveError: it ended without an answer, and had a class archive.
            JavaProcessError: it said `FAILED`, ended, or did not answer in time.
        """
        try:
            answer = self._answer.wait(seconds)
        except TimeoutError as error:
            raise JavaProcessError(str(error)) from None
        if answer.startswith(READY):
            self._is_ready = True
            return answer.removeprefix(READY).strip()
        if answer:
            raise JavaProcessError(answer.removeprefix(FAILED))
        reason = f"its process ended with exit code {self._popen.wait()}"
        if self._archive.discard():
            raise BrokenArchiveError(reason)
        raise JavaProcessError(f"{reason}{self._options.hint()}")

    def log_text(self) -> str:
        """The whole log."""
        if self._log.closed:
            return "(no log: the process has been ended)"
        # do not move the file's position, where the process writes
        file = self._log.fileno()
        text = os.pread(file, os.fstat(file).st_size, 0)
        return text.decode(errors="replace")

    def log_tail(self, lines: int = LOG_LINES) -> str:
        """The last lines of the log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def stop(self, *, at_once: bool = False) -> None:
        """End the process, and kill it if it does not end in time.

        Args:
            at_once: whether to kill it without waiting, if it starts from a class
                archive. It has none to write then, and no agent that may write more.
        """
        popen = self._popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        if at_once and self._archive.is_used:
            popen.kill()
        try:
            popen.stdin.close()
        except OSError:
            pass  # it has ended before
        if not wait_for_end(popen, STOP_SECONDS):
            log.warning(
                "%s (pid %d) did not end within %g s, killing it",
                self._name,
                popen.pid,
                STOP_SECONDS,
            )
            popen.kill()
            popen.wait()
        self._answer.end()
        popen.stdout.close()
        self._log.close()
        self._archive.end(is_whole=self._is_ready and popen.returncode == 0)


class _Answer:
    """The line on a process's stdout that says how its start went.

    All other lines, before and after it, come from an agent or the JVM itself. They are
    read all the time, because the process would block if the pipe were full.
    """

    def __init__(self, popen: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        assert popen.stdout is not None
        self._lines: Iterator[bytes] = popen.stdout
        # the thread's own descriptor, which may outlive the file and shares its
        # position
        self._log = os.fdopen(os.dup(log.fileno()), "ab", buffering=0)
        self._answer: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> str:
        """Wait for the answer, which is empty if the process ended without one.

        Raises:
            TimeoutError: there was none in time.
        """
        try:
            return self._answer.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"it was not ready within {seconds:g} s") from None

    def end(self) -> None:
        """Wait for the last line of a process that has ended."""
        self._thread.join(LAST_LINE_SECONDS)

    def _draw(self) -> None:
        is_answered = False
        with self._log:
            for data in self._lines:
                line = data.decode(errors="replace").strip()
                if not is_answered and line.startswith((READY, FAILED)):
                    is_answered = True
                    self._answer.put(line)
                else:
                    self._log.write(data)
        if not is_answered:
            self._answer.put("")


def wait_for_end(popen: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends in time.

    The clock that `Popen.wait` uses may be frozen.
    """
    deadline = _clock.monotonic() + seconds
    while popen.poll() is None:
        if _clock.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def close_in_children(popen: subprocess.Popen[bytes]) -> None:
    """Close our end of the process's stdin in forked children.

    Otherwise a child that lives on would keep the process alive.
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
