"""What PySpark asks about each argument that it passes to its JVM."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

__all__ = ["ask_numpy_about_its_own"]


def ask_numpy_about_its_own() -> None:
    """Let PySpark ask its converters for NumPy only about NumPy's objects.

    Each of them is asked about every argument. In Spark 4 it imports PySpark's testing
    package to find out whether there is NumPy, and with that pandas: 0.3 s, as long as
    all that a test imports otherwise.
    """
    with suppress(ImportError):  # the client of Spark Connect has neither
        from py4j import protocol
        from pyspark.sql.types import NumpyArrayConverter, NumpyScalarConverter

        converters = protocol.INPUT_CONVERTER
        for place, converter in enumerate(converters):
            if isinstance(converter, (NumpyArrayConverter, NumpyScalarConverter)):
                converters[place] = _OfNumpy(converter)


class _OfNumpy:
    """A converter that is asked about NumPy's objects only."""

    def __init__(self, converter: Any) -> None:
        self.convert = converter.convert
        self._can_convert = converter.can_convert

    def can_convert(self, value: Any) -> bool:
        is_numpys = any(cls.__module__ == "numpy" for cls in type(value).__mro__)
        return is_numpys and bool(self._can_convert(value))
