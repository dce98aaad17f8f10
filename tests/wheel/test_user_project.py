"""A user's project: from an empty environment to green tests, with the wheel alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import venv
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.processes import PATIENT

EXAMPLE = Path(__file__).parents[2] / "examples/user-project"
OURS = ("PYTHONPATH", "VIRTUAL_ENV", "SPARK_KAFKA_TESTKIT_JARS")


@pytest.mark.timeout(900)
def test_the_example_project_goes_from_nothing_to_green(
    built: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """It goes as its README says: an environment, an installation, pytest; then the
    command.
    """
    project = tmp_path / "user-project"
    shutil.copytree(EXAMPLE, project)
    (wheel,) = built.glob("*.whl")
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"SPARK_KAFKA_TESTKIT_BACKEND": "embedded", **PATIENT}
    times = []

    def run(*command: object) -> str:
        started = time.monotonic()
        done = subprocess.run(
            [str(word) for word in command],
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        times.append(time.monotonic() - started)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    started = time.monotonic()
    venv.create(project / ".venv", with_pip=True)
    bin_folder = project / ".venv/bin"
    # no index has this version yet, so the wheel is given by its path
    run(
        bin_folder / "pip",
        "install",
        "--quiet",
        wheel,
        "-e",
        ".[test]",
        f"pyspark=={version('pyspark')}",
    )
    assert "4 passed" in run(bin_folder / "pytest", "-q")
    whole = time.monotonic() - started
    install, test = times
    record_property(
        "from nothing to green in s",
        f"{whole:.0f} (pip install {install:.0f}, pytest {test:.0f})",
    )
    said = run(bin_folder / "spark-kafka-testkit", "doctor")
    assert "Java: " in said
