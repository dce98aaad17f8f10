"""Integers of any library."""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["is_whole", "to_int"]


def is_whole(item: Any) -> bool:
    """Whether it is an integer, of Python or of NumPy; True and False are none."""
    if isinstance(item, bool):
        return False
    try:
        operator.index(item)
    except TypeError:
        return False
    return True


def to_int(item: Any) -> Any:
    """An integer of any kind as an int; all else as it is."""
    return operator.index(item) if is_whole(item) else item
