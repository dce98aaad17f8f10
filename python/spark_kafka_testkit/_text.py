"""Text for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "Cause",
    "did_you_mean",
    "first_line",
    "is_misspelled",
    "listed",
    "readable",
    "represented",
    "shown",
]

SHOWN_CHARACTERS = 60
LINE_CHARACTERS = 200
CLOSE = 0.75  # long names that share a few words have more than difflib's 0.6
SHORTEST, SWAPPED = 4, 2


class Cause(str):
    """A sentence that tells why, and then what to do.

    Attributes:
        remedy: what to do, alone.
    """

    remedy: str

    def __new__(cls, why: str, remedy: str) -> Cause:
        told = super().__new__(cls, f"{why} {remedy}" if remedy else why)
        told.remedy = remedy
        return told


def readable(data: bytes) -> str | bytes:
    """The bytes as text, if they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def represented(value: object) -> str:
    """The repr of a value, even if its class can't give one.

    An error's text must not fail.
    """
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  users' classes raise anything
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, after its class, shortened if it is long."""
    text = str(error).strip().partition("\n")[0]
    line = f"{type(error).__name__}: {text}"
    return line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 3]}..."


def shown(value: object) -> str:
    """The repr of a value, shortened if it is long."""
    whole = represented(value)
    if len(whole) <= SHOWN_CHARACTERS:
        return whole
    return f"{whole[: SHOWN_CHARACTERS - 3]}..."


def listed(texts: Sequence[str], most: int = 3) -> str:
    """The first texts, and how many more there are."""
    told = ", ".join(texts[:most])
    more = len(texts) - most
    return f"{told} and {more} more" if more > 0 else told


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`" Did you mean 'orders'?"` if one of the names is close, otherwise ''."""
    close = get_close_matches(name, list(names), n=1, cutoff=CLOSE)
    return f" Did you mean {close[0]!r}?" if close else ""


def is_misspelled(name: str, other: str) -> bool:
    """Whether one name is probably the other with a typing error.

    They differ in one word of more than three letters, by one letter or by two that are
    swapped. Names that differ in a number, a letter or an ending belong to a series.
    """
    words = re.split(r"[-_.]", name), re.split(r"[-_.]", other)
    pairs = [pair for pair in zip(*words, strict=False) if pair[0] != pair[1]]
    if len(words[0]) != len(words[1]) or len(pairs) != 1:
        return False
    ((one, two),) = pairs
    without = {re.sub(r"\d", "", word) for word in (one, two)}
    return (
        min(len(one), len(two)) >= SHORTEST and len(without) > 1 and _are_near(one, two)
    )


def _are_near(one: str, two: str) -> bool:
    """Whether one letter was added, removed or replaced, or two were swapped."""
    while one and two and one[0] == two[0]:
        one, two = one[1:], two[1:]
    while one and two and one[-1] == two[-1]:
        one, two = one[:-1], two[:-1]
    return max(len(one), len(two)) <= 1 or (one == two[::-1] and len(one) == SWAPPED)
