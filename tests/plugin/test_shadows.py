"""A project's own module with the name of kafka-python, or of another package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Inner, text_of
from tests.processes import HANG_SECONDS

pytest_plugins = ["pytester"]

TEST = "def test_with_a_broker(kafka_utils): pass\n"
THREADS = "error::pytest.PytestUnhandledThreadExceptionWarning"
REMEDY = (
    ". If it is a folder of tests, you can instead add an __init__.py to its parent "
    "folder, so that pytest puts the parent's name first."
)


def shadowed(file: Path, remedy: str = ".") -> str:
    """The whole error for a file that hides kafka-python."""
    return (
        f"`import kafka` gives {file} here, not kafka-python, which the kit needs. "
        f"Rename that file or folder{remedy}"
    )


def run_script(folder: Path) -> str:
    """What `script.py` prints. It must print nothing to stderr."""
    done = subprocess.run(
        [sys.executable, str(folder / "script.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_folder_of_tests_in_the_way_of_kafka_python_is_named(
    mode: str, inner: Inner, pytester: pytest.Pytester
) -> None:
    """pytest imports the package `tests/kafka` as `kafka`, if `tests` is not a package.

    The error is the kit's own, and the remedy that it names works.
    """
    files = {"tests/kafka/__init__": "", "tests/kafka/test_broker": TEST}
    arguments = ("--kafka-require", "-W", THREADS, f"--import-mode={mode}")
    result = inner(*arguments, **files)
    result.assert_outcomes(errors=1)
    file = pytester.path / "tests/kafka/__init__.py"
    assert shadowed(file, REMEDY) in result.stdout.str()
    assert "Traceback" not in text_of(result)
    (pytester.path / "tests/__init__.py").touch()
    inner(*arguments, **files).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("file", "remedy"), [("kafka.py", "."), ("kafka/__init__.py", REMEDY)]
)
def test_a_module_in_the_way_of_kafka_python_is_named(
    file: str, remedy: str, tmp_path: Path
) -> None:
    """The error is an ImportError of the kit, and no thread prints anything."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("def send(): pass\n")
    (tmp_path / "script.py").write_text(
        "from spark_kafka_testkit import KafkaUtils\n"
        "from spark_kafka_testkit._kafka_python.compat import preload\n"
        "preload()\n"
        "try:\n"
        "    KafkaUtils(bootstrap_servers='127.0.0.1:9').setup()\n"
        "except ImportError as error:\n"
        "    print(type(error).__name__, error, sep=': ')\n"
    )
    said = run_script(tmp_path)
    text = shadowed(tmp_path / file, remedy)
    assert said == f"MissingDependencyError: {text}\n"


def test_a_folder_without_an_init_is_not_in_the_way(tmp_path: Path) -> None:
    """Python prefers kafka-python to such a folder, and so does the kit.

    If kafka-python is not installed, the error says that.
    """
    (tmp_path / "kafka").mkdir()
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from spark_kafka_testkit._kafka_python.compat import require_kafka_python\n"
        "require_kafka_python()\n"
        "sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "try:\n"
        "    require_kafka_python()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    said = run_script(tmp_path)
    assert said == (
        "kafka-python is required for Kafka tests. "
        "Install it with: pip install kafka-python\n"
    )


def test_a_stub_in_the_place_of_kafka_python_is_reported(tmp_path: Path) -> None:
    """Tests without Kafka put such a stub into `sys.modules`."""
    code = (
        "import sys, types\n"
        "sys.modules['kafka'] = types.ModuleType('kafka')\n"
        "from spark_kafka_testkit._kafka_python.compat import require_kafka_python\n"
        "try:\n"
        "    require_kafka_python()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.stdout == shadowed(Path("sys.modules")) + "\n"


@pytest.mark.parametrize("name", ["docker", "testcontainers"])
def test_a_module_in_the_way_of_docker_is_named(name: str, tmp_path: Path) -> None:
    """So is one that hides testcontainers. `auto` does without Docker then."""
    (tmp_path / f"{name}.py").touch()
    (tmp_path / "script.py").write_text(
        "from spark_kafka_testkit import KafkaUtils\n"
        "from spark_kafka_testkit._brokers.docker import docker_problem\n"
        "from spark_kafka_testkit.errors import MissingDependencyError\n"
        "try:\n"
        "    KafkaUtils(backend='container').setup()\n"
        "except MissingDependencyError as error:\n"
        "    print(error)\n"
        "print(docker_problem())\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = (
        f"`import {name}` gives {tmp_path / name}.py here, not {name}, which the kit "
        "needs. Rename that file or folder."
    )
    assert (done.stdout.splitlines(), done.stderr) == ([text, text], "")
