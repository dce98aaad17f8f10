"""What an editor shows for a name of the kit."""

from __future__ import annotations

import inspect

import pytest

from spark_kafka_testkit import KafkaUtils

PUBLIC = [name for name in vars(KafkaUtils) if not name.startswith("_")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_method_has_its_docstring_where_it_is_called(name: str) -> None:
    """It is not a pointer to a function with another signature."""
    text = inspect.getdoc(getattr(KafkaUtils, name)) or ""
    assert text
    assert not text.startswith("See ")
