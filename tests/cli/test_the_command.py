"""The command itself: help, version, completion."""

from __future__ import annotations

import click
import pytest

from spark_kafka_testkit import __version__
from spark_kafka_testkit.cli import cli
from tests.cli.conftest import CommandLine
from tests.systems import printed


def test_every_command_has_json_and_help(command: CommandLine) -> None:
    """The one that prints a script has no --json."""
    for name, sub in cli.commands.items():
        options = {option for param in sub.params for option in param.opts}
        assert ("--json" in options) == (name != "completion"), name
        assert sub.help, name
        assert "INTEGER" not in sub.get_help(click.Context(sub)), name
        assert sub.get_short_help_str(100)[-3:] != "...", name


def test_the_exit_codes_are_in_the_help(command: CommandLine) -> None:
    """A user looks for them there."""
    text = " ".join(command.ok("--help").split())
    assert text.endswith(
        "Exit codes: 0 success, 1 failure (stderr says why), 2 the command was not "
        "understood, 3 no broker is up, 130 interrupted, 141 nobody reads the output."
    )


def test_version_is_that_of_the_package(command: CommandLine) -> None:
    """It is printed after the command's name."""
    assert command.ok("--version") == f"spark-kafka-testkit {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(command: CommandLine, shell: str) -> None:
    """The script asks the command itself."""
    script = command.ok("completion", shell)
    assert "_SPARK_KAFKA_TESTKIT_COMPLETE" in script
    asked = command.run(
        COMP_WORDS="spark-kafka-testkit st",
        COMP_CWORD="1" if shell != "fish" else "st",
        _SPARK_KAFKA_TESTKIT_COMPLETE=f"{shell}_complete",
    )
    assert "status" in asked.stdout


def test_verbose_keeps_the_traceback_of_an_error(command: CommandLine) -> None:
    """It is the only way to see a fault of the kit's own."""
    line = (
        "Error: The folder ~nobody-here/x can't be found: its ~ is not a known home "
        "folder. Set SPARK_KAFKA_TESTKIT_CACHE to an absolute path.\n"
    )
    nowhere = "~nobody-here/x"
    done = command.run("status", SPARK_KAFKA_TESTKIT_CACHE=nowhere)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    done = command.run("-v", "status", SPARK_KAFKA_TESTKIT_CACHE=nowhere)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Raised here:\nTraceback (most recent call last):\n")
    assert done.stderr.endswith(line)


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
        assert printed(code.format(module=module)) == loaded
