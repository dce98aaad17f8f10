"""The items of a JSON file: those of its array, or a sequence of values.

They are read one by one, so that the file may be larger than memory.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import click

__all__ = ["LARGEST", "json_items"]

CHUNK = 1 << 16
LARGEST = 100 << 20  # the size of the clients' largest request
SPACE = re.compile(r"[ \t\n\r]*")
LINE_END = re.compile(r"[ \t]*[\n\r][ \t\n\r]*")  # no JSON string contains one
DECODER = json.JSONDecoder()


class Item(NamedTuple):
    """One item.

    Attributes:
        place: its place, for an error.
        text: its text in the file, on one line.
        value: its value in Python.
    """

    place: str
    text: str
    value: Any


def json_items(file: IO[bytes], name: str) -> Iterator[Item]:
    """The items of a file.

    A file that begins with an array is that array, unless each of its lines is one. In
    that case it is JSON lines.

    Raises:
        click.ClickException: during the iteration: what is not valid JSON, and where.
    """
    text = _Text(file, name)
    is_array = text.next() == "[" and not text.is_line_by_line()
    yield from _items_of_array(text) if is_array else _values(text)


def _values(text: _Text) -> Iterator[Item]:
    number = 0
    while text.next():
        number += 1
        yield text.item(number)


def _items_of_array(text: _Text) -> Iterator[Item]:
    text.at += 1
    mark, number = text.next(), 0
    while mark != "]":
        number += 1
        yield text.item(number)
        mark = text.next()
        if mark not in (",", "]"):
            raise text.fault(f"Item {number}", "has neither ',' nor ']' after it")
        if mark == ",":
            text.at += 1
            text.next()
    text.at += 1
    if text.next():
        raise text.fault("The array", "has more after its end")


class _Text:
    """The text of a file, of which little more than the current item is held.

    Attributes:
        at: where the next item begins in the text that is held.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._held, self.at = "", 0
        self._line, self._column, self._placed = 1, 1, 0  # where the last place was
        self._is_whole = False

    def next(self) -> str:
        """The next character that is not white space, or an empty string at the end."""
        while True:
            match = SPACE.match(self._held, self.at)
            assert match is not None
            self.at = match.end()
            if self.at < len(self._held) or self._is_whole:
                return self._held[self.at : self.at + 1]
            self._draw()

    def is_line_by_line(self) -> bool:
        """Whether the first line is a whole array, and others follow."""
        while "\n" not in self._held[self.at :] and self._can_draw():
            self._draw()
        first, _, rest = self._held[self.at :].partition("\n")
        if not first.rstrip().endswith("]"):
            return False
        while not rest.strip() and not self._is_whole:
            self._draw()
            rest = self._held[self.at :].partition("\n")[2]
        try:
            return bool(rest.strip()) and isinstance(json.loads(first), list)
        except (ValueError, RecursionError):
            return False

    def item(self, number: int) -> Item:
        """The item that begins here."""
        line, _ = self._place(self.at)
        place = f"Item {number} of {self._name} (line {line})"
        while True:
            try:
                value, end = DECODER.raw_decode(self._held, self.at)
            except RecursionError as error:
                raise click.ClickException(f"{place} is nested too deep.") from error
            except ValueError as error:
                if not self._can_draw():
                    self.at = getattr(error, "pos", self.at)
                    what = f"is not valid JSON: {getattr(error, 'msg', error)}"
                    raise self.fault(f"Item {number}", what) from error
            else:
                # a number at the end of the text may continue
                if end < len(self._held) or not self._can_draw():
                    break
            self._draw()
        text = LINE_END.sub("", self._held[self.at : end])
        self.at = end
        return Item(place, text, value)

    def fault(self, subject: str, what: str) -> click.ClickException:
        """The error for something that is wrong here."""
        line, column = self._place(self.at)
        is_end = not self._held[self.at :].strip() and self._is_whole
        end = ", where the file ends" if is_end else ""
        return click.ClickException(
            f"{subject} of {self._name} {what}: line {line} column {column}{end}."
        )

    def _can_draw(self) -> bool:
        return not self._is_whole and len(self._held) - self.at < LARGEST

    def _draw(self) -> None:
        """Read as much again as is still needed.

        The size doubles because an incomplete item is parsed anew.
        """
        self._place(self.at)
        rest = self._held[self.at :]
        data = self._file.read(max(CHUNK, len(rest)))
        self._is_whole = not data
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise click.ClickException(
                f"{self._name} is not UTF-8, from line {self._line} on: {error}."
            ) from error
        self._held, self.at, self._placed = rest + more, 0, 0

    def _place(self, at: int) -> tuple[int, int]:
        """The line and column of a character after those asked for before."""
        if lines := self._held.count("\n", self._placed, at):
            self._line += lines
            self._column = at - self._held.rfind("\n", 0, at)
        else:
            self._column += at - self._placed
        self._placed = at
        return self._line, self._column
