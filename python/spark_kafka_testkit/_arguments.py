"""Checks of users' arguments."""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["to_int"]


def to_int(item: Any) -> int | None:
    """A whole number as an int, NumPy's too; None for anything else, a bool among
    it.
    """
    if isinstance(item, bool):
        return None
    try:
        return operator.index(item)
    except TypeError:
        return None
