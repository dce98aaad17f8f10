"""Readers with a fault in one line, which the histories must find."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Failed
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._clients.protocol import Client
from spark_kafka_testkit.errors import KafkaTestkitError

from . import test_histories as tests
from .model import End, History, Out, Send
from .test_histories import test_a_read_gives_what_the_oracle_says as read_histories
from .world import Producers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["ROOT", "Edit", "assert_found", "assert_sound", "faulty_module"]

ROOT = Path(__file__).parents[2]
STALL_SECONDS = 3.0
PLAIN = History(
    partitions=1,
    before=(Send(0, (Out(0, b"k", b"v", 1),)), End(0, commit=True)),
    during=(),
    allow_deleted=False,
)


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
    """A copy of the module with the fault, beside the original.

    Its classes are its own, and no instance of one equals one of the original's.
    """
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


@contextmanager
def reading(
    kafka: KafkaUtils, spark: SparkSession, client: Client
) -> Iterator[dict[str, Any]]:
    """The arguments of a test of histories that are read with one client.

    The producers are its own, because a history that fails may hold some.
    """
    producers = Producers(spark, kafka.broker)
    try:
        yield {"kafka": kafka, "clients": [client], "producers": producers}
    finally:
        producers.close()


def assert_found(
    kafka: KafkaUtils,
    spark: SparkSession,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Read the histories with the client, which must give something wrong."""
    # a reader that waits for what never comes has failed
    monkeypatch.setattr(tests, "MOST_SECONDS", STALL_SECONDS)
    with (
        reading(kafka, spark, client) as arguments,
        # a marker that is not written yet may show a fault once, and not again
        pytest.raises((AssertionError, Failed, KafkaTestkitError, Flaky)),
    ):
        read_histories(**arguments)


def assert_sound(kafka: KafkaUtils, spark: SparkSession, client: Client) -> None:
    """Read a plain history with the client, which must give what is right."""
    read: Any = read_histories
    read_plain = given(history=st.just(PLAIN))(read.hypothesis.inner_test)
    with reading(kafka, spark, client) as arguments:
        read_plain(**arguments)
