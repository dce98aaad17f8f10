"""Readers with a fault in one line, which the histories must find."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from spark_kafka_testkit import KafkaUtils

__all__ = ["ROOT", "Edit", "assert_found", "faulty_module"]

ROOT = Path(__file__).parents[2]
HISTORIES = "200"
STALL_SECONDS = "3"
ARGUMENTS = ["-qx", "-p", "no:cacheprovider", "tests/histories/test_histories.py"]


@dataclass(frozen=True)
class Edit:
    """A fault: one line of a file, and what to put in its place."""

    file: str
    line: str
    fault: str

    def apply(self, folder: Path) -> Path:
        """Put the fault into the file, which is somewhere in this folder."""
        (file,) = folder.rglob(self.file)
        text = file.read_text()
        assert text.count(self.line) == 1, f"{self.file} has no line {self.line!r}"
        file.write_text(text.replace(self.line, self.fault))
        return file


@contextmanager
def faulty_module(
    module: ModuleType, line: str, fault: str, folder: Path
) -> Iterator[ModuleType]:
    """A copy of the module with the fault, beside the original."""
    source = Path(str(module.__file__))
    copy = folder / source.name
    copy.write_text(source.read_text())
    Edit(source.name, line, fault).apply(folder)
    spec = spec_from_file_location(f"{module.__name__}_with_a_fault", copy)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = made = module_from_spec(spec)  # dataclasses look it up
    try:
        spec.loader.exec_module(made)
        yield made
    finally:
        del sys.modules[spec.name]


def assert_found(kafka: KafkaUtils, client: str, more: dict[str, str]) -> None:
    """Run the histories in another process, which must fail at their assertion.

    Args:
        kafka: the broker to use.
        client: the name of the only client to read with.
        more: further environment variables.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ARGUMENTS],
        cwd=ROOT,
        env={
            **os.environ,
            "SPARK_KAFKA_TESTKIT_TEST_BROKER": kafka.broker,
            "HISTORIES": HISTORIES,
            "HISTORIES_CLIENT": client,
            "HISTORIES_STALL_SECONDS": STALL_SECONDS,
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
    assert "1 failed" in done.stdout, done.stdout[-3000:]
    assert "test_a_read_gives_what_the_oracle_says(" in done.stdout, done.stdout[-3000:]
