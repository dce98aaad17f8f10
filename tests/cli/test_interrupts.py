"""Ctrl-C, pressed again while a command tidies up, or when it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.conftest import CommandLine, without_progress
from tests.processes import children, wait_until

AGAIN = b"Interrupted again, so it ended at once without cleaning up.\n"


def interrupt(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a command says that is interrupted until it has ended."""

    def has_ended() -> bool:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_until(has_ended, "it goes on")
    out, err = process.communicate()
    assert process.returncode in (130, -signal.SIGINT)  # to a shell the same
    return out, without_progress(err)


@pytest.fixture
def busy(command: CommandLine) -> Iterator[CommandLine]:
    """Commands with a broker that has a topic; if it is stopped, it goes on at the
    end.
    """
    command.ok("up", "--backend", "embedded")
    command.ok("produce", "t", "-", stdin=b"v\n")
    yield command
    for pid in brokers(command):
        os.kill(pid, signal.SIGCONT)


def brokers(command: CommandLine) -> list[int]:
    """The processes of the brokers that are up."""
    return [pid for state in command.facts("status") for pid in children(state["pid"])]


@pytest.mark.parametrize(
    "args",
    [("produce", "t", "-"), ("produce", "t", "-", "--transactional")],
)
def test_a_second_one_ends_what_does_not_end(
    busy: CommandLine, args: tuple[str, ...]
) -> None:
    """A broker that does not answer holds up who tidies up; one line tells."""
    process = busy.start(*args)
    assert process.stdin is not None
    process.stdin.write(b"v\n" * 50_000)
    process.stdin.flush()
    wait_until(
        lambda: any(fact["end"] > 1 for fact in busy.facts("topics", "t")),
        "nothing arrives",
    )
    for pid in brokers(busy):
        os.kill(pid, signal.SIGSTOP)
    assert interrupt(process) == (b"", AGAIN)


def test_no_traceback_of_a_command_that_ends_soon(shared: CommandLine) -> None:
    """Whether it is pressed again before or after it has ended."""
    shared.ok("produce", "soon", "-", stdin=b"v\n")
    reader = shared.start("read", "soon", "--follow")
    assert reader.stdout is not None
    assert reader.stdout.readline()
    assert interrupt(reader) in [(b"", AGAIN), (b"", b"")]


def test_an_up_that_is_interrupted_twice_leaves_nothing(command: CommandLine) -> None:
    """Its keeper sees that nobody waits for it."""
    process = command.start("up", "--backend", "embedded")
    wait_until(lambda: any(command.temp.glob("*/broker.log")), "it does not start")
    assert interrupt(process) in [(b"", AGAIN), (b"", b"")]
    wait_until(lambda: not any(command.temp.iterdir()), "its broker is there")
    assert command.run("status").returncode == 3
