"""Texts for people."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "readable", "represented", "shown"]

SHOWN_CHARACTERS = 60


def readable(data: bytes) -> str | bytes:
    """Bytes as text, where they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def represented(value: object) -> str:
    """The repr of a value, whatever it is: an error's text must not fail."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  users' classes raise anything
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def shown(value: object) -> str:
    """The repr of a value, cut where it is long."""
    whole = represented(value)
    if len(whole) <= SHOWN_CHARACTERS:
        return whole
    return f"{whole[: SHOWN_CHARACTERS - 3]}..."


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`" Did you mean 'orders'?"`, where one of the names is close to it; else ''."""
    close = get_close_matches(name, list(names), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
