"""The command itself: help, version, completion, `doctor`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
        "understood; 3 no broker is up; 130 interrupted; 141 nobody reads the output."
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
    assert {"Java", "kafka-python", "Spark"} <= {f["subject"] for f in findings}
    assert all({"subject", "state", "seen", "advice"} == set(f) for f in findings)
    lines = command.ok("doctor").splitlines()
    for finding in findings:
        assert any(f"{finding['subject']}: {finding['seen']}" in line for line in lines)


def test_doctor_warns(command: CommandLine) -> None:
    """What some of the kit can do without is no error; what to do stands under it."""
    lines = command.ok("doctor", JAVA_HOME="/nowhere").splitlines()
    (at,) = (n for n, line in enumerate(lines) if " Java: " in line)
    assert lines[at].startswith("warning  Java: ")
    assert lines[at + 1].startswith(
        f"{'':9}The embedded broker needs Java 17 or newer. Install one"
    )


def test_doctor_finds_what_is_wrong(command: CommandLine, tmp_path: Path) -> None:
    """The exit code is 1, and what to do stands under it."""
    info = tmp_path / "kafka_python_ng-2.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: kafka-python-ng\nVersion: 2.2.3\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = command.run("doctor", PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (1, "")
    assert (
        "error    kafka-python: kafka-python-ng 2.2.3 is installed, which is archived "
        "and has the same package name `kafka`\n"
        f"{'':9}Run: pip uninstall -y kafka-python-ng kafka-python && pip install "
        "kafka-python\n"
    ) in done.stdout


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
