"""The command itself: help, version, completion, `doctor`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spark_kafka_testkit import __version__
from spark_kafka_testkit.cli import cli
from tests.cli.conftest import CommandLine


def test_every_command_has_json_and_help(command: CommandLine) -> None:
    """But the one that prints a script."""
    for name, sub in cli.commands.items():
        options = {option for param in sub.params for option in param.opts}
        assert ("--json" in options) == (name != "completion"), name
        assert sub.help, name
        assert sub.get_short_help_str(100)[-3:] != "...", name


def test_the_exit_codes_are_in_the_help(command: CommandLine) -> None:
    """Where a user looks for them."""
    text = " ".join(command.ok("--help").split())
    assert text.endswith(
        "Exit codes: 0 done; 1 it failed, and stderr says why; 2 the command was not "
        "understood; 3 no broker is up; 130 interrupted."
    )


def test_the_version(command: CommandLine) -> None:
    """The kit's."""
    assert command.ok("--version") == f"spark-kafka-testkit {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(command: CommandLine, shell: str) -> None:
    """A script that asks the command itself."""
    script = command.ok("completion", shell)
    assert "_SPARK_KAFKA_TESTKIT_COMPLETE" in script
    asked = command.run(
        COMP_WORDS="spark-kafka-testkit st",
        COMP_CWORD="1" if shell != "fish" else "st",
        _SPARK_KAFKA_TESTKIT_COMPLETE=f"{shell}_complete",
    )
    assert "status" in asked.stdout


def test_doctor_says_what_it_sees(command: CommandLine) -> None:
    """A line for each thing; as JSON the same."""
    findings = command.facts("doctor")
    assert {"Java", "kafka-python", "pyspark"} <= {f["subject"] for f in findings}
    assert all({"subject", "state", "seen", "advice"} == set(f) for f in findings)
    lines = command.ok("doctor").splitlines()
    for finding in findings:
        assert any(f"{finding['subject']}: {finding['seen']}" in line for line in lines)


def test_doctor_finds_what_is_wrong(command: CommandLine) -> None:
    """The exit code is 1, and what to do stands under it."""
    done = command.run("doctor", JAVA_HOME="/nowhere")
    assert (done.returncode, done.stderr) == (1, "")
    assert "The embedded broker needs Java 17 or newer. Install one" in done.stdout


def test_the_package_does_not_load_the_command_line() -> None:
    """Click is loaded by the command alone, and that loads nothing heavy."""
    code = (
        "import sys, {module}\n"
        "heavy = ['click', 'kafka', 'pyarrow', 'pyspark', 'rich', 'testcontainers']\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    for module, loaded in (
        ("spark_kafka_testkit", "[]"),
        ("spark_kafka_testkit.cli", "['click']"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code.format(module=module)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == loaded
