"""What PySpark asks about the arguments that it passes to its JVM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from py4j import protocol

from spark_kafka_testkit._jvm.converters import ask_numpy_about_its_own
from tests.systems import printed

ASKED = """
import sys
import pyspark
from py4j.protocol import INPUT_CONVERTER
from spark_kafka_testkit._jvm.converters import ask_numpy_about_its_own
{}
for value in [None, "text", 1, [1], {{"k": 1}}]:
    for converter in INPUT_CONVERTER:
        converter.can_convert(value)
print("pandas" in sys.modules)
"""


def test_an_argument_does_not_import_pandas() -> None:
    """PySpark does that to find out whether there is NumPy."""
    assert printed(ASKED.format("ask_numpy_about_its_own()")) == "False"


class Named(np.ndarray):
    """An array of a user's class."""


@pytest.mark.parametrize(
    "value",
    [
        np.int64(3),
        np.float32(1.5),
        np.str_("text"),
        np.bool_(True),
        np.array([1, 2]),
        np.array([1, 2]).view(Named),
        np.array([[1, 2]]),
        np.array(1),
        [1, 2],
        "text",
        None,
    ],
    ids=repr,
)
def test_each_argument_is_converted_as_before(
    value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same converter takes it, and converters of other packages are left alone."""
    import pyspark.sql.types

    registered: list[Any] = [
        pyspark.sql.types.NumpyArrayConverter(),
        object(),
        pyspark.sql.types.NumpyScalarConverter(),
    ]
    converters = registered.copy()
    monkeypatch.setattr(protocol, "INPUT_CONVERTER", converters)
    ask_numpy_about_its_own()
    assert converters[1] is registered[1]
    for before, now in zip(registered[::2], converters[::2], strict=True):
        assert now is not before
        assert now.can_convert(value) == before.can_convert(value)
        assert now.convert == before.convert
