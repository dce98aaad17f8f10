"""The clock for deadlines, and the clocks of other packages."""

from __future__ import annotations

import gc
import sys
from types import ModuleType

import pytest

from spark_kafka_testkit import _clock


def test_other_threads_import_while_a_package_is_given_its_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A garbage collection lets them, in the midst of a look at all modules."""
    imported: list[str] = []

    def import_another(*_: object) -> None:
        name = f"test_clock.imported_{len(imported)}"
        imported.append(name)
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    thresholds = gc.get_threshold()
    gc.callbacks.append(import_another)
    gc.set_threshold(1)
    try:
        _clock.keep_running("kafka")
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(import_another)
    assert imported
