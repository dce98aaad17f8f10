"""What a query died of: the cause and its place, extracted from Spark's long text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

__all__ = ["Death"]

CONTEXT = "=== Streaming Query ==="
TRACEBACK = "Traceback (most recent call last):"
OF_JAVA = "py4j.protocol.Py4JJavaError: "
FRAME = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+), in (?P<name>.+)')
# Frames of PySpark's own functions, of the standard library, and of what they call.
INSIDE = re.compile(
    r"[/\\](site|dist)-packages[/\\]|pyspark\.zip|py4j-[\d.]+-src\.zip"
    r"|[/\\]python[/\\]pyspark[/\\]|[/\\]lib[/\\]python3\.\d+[/\\]|^<frozen "
)
BEFORE_CAUSE = re.compile(
    rf"(?:{OF_JAVA})?An error occurred while calling [\w.]+\n: "
    r"|\[STREAM_FAILED\] .*? terminated with exception: "
    r"|\(STREAM_FAILED\) "  # `exception()` of Spark Connect
    r"|(?:org\.apache\.spark\.SparkException: )?"
    r"Job aborted due to stage failure: .*?most recent failure: Lost task .*?\): "
    r"|Writing job aborted\.?:? ?",
    re.DOTALL,
)
PACKAGE = re.compile(r"\b(?:[a-z_][\w]*\.){2,}(?=[A-Z]\w*(?:Exception|Error)\b)")
STATE = re.compile(r"\s*SQLSTATE: \w{5};?")
IDENTIFIER = re.compile(r"Identifier: (?P<name>.*?)\s*\[id = (?P<id>[\w-]+)")
OFFSETS = re.compile(
    r"Current (?P<which>Committed|Available) Offsets: \{(?P<what>.*)\}"
)
SOURCE = re.compile(r"Kafka\w*\[Subscribe\[(?P<topics>.*?)\]\]: (?P<at>\{.*?\}\})")
COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
TOO_LONG = 300


@dataclass(frozen=True)
class Death:
    """The text of a Spark exception, taken apart.

    Attributes:
        cause: the first error, in one line.
        place: the line of the user's own function that raised it, or an empty string.
        query: the query's name or id, or an empty string if it was not about a query.
        batch: the offsets up to which the failed batch was to read.
    """

    cause: str
    place: str = ""
    query: str = ""
    batch: str = ""

    @classmethod
    def of(cls, text: str) -> Death:
        """Take the text of an exception apart."""
        text = text.partition("\n\nJVM stacktrace:")[0]
        head, _, context = text.partition(CONTEXT)
        query = IDENTIFIER.search(context)
        name = "" if query is None else query["name"] or query["id"]
        offsets = {match["which"]: match["what"] for match in OFFSETS.finditer(context)}
        batch = ", ".join(
            f"{match['topics']} up to {match['at']}"
            for match in SOURCE.finditer(offsets.get("Available", "") + "}")
        )
        if TRACEBACK in head:
            cause, place = _of_python(head.partition(TRACEBACK)[2])
        else:
            cause, place = _of_java(head), ""
        return cls(cause, place, name, batch)

    @property
    def lines(self) -> list[str]:
        """The lines to show people, with the cause first."""
        where = []
        if self.place:
            where.append(f"  {self.place}")
        if self.query:
            batch = f", in the batch that reads {self.batch}" if self.batch else ""
            where.append(f"  query {self.query}{batch}")
        return [self.cause, *where]


def _of_python(text: str) -> tuple[str, str]:
    """The error of a traceback, and the last frame in the user's code."""
    lines = text.splitlines()
    place, name, end = "", "", 0
    for number, line in enumerate(lines):
        frame = FRAME.match(line)
        if frame is None:
            continue
        end = number + 1
        if INSIDE.search(frame["file"]):
            continue
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        code = "" if FRAME.match(following) else f": {following}"
        file = PurePath(frame["file"]).name
        if not name or frame["name"] not in COMPREHENSIONS:
            name = frame["name"]
        place = f"in {name}, {file}:{frame['line']}{code}"
    rest = [line for line in lines[end:] if line and not line.startswith(" ")]
    if not rest:
        return TRACEBACK, place
    if rest[0].startswith(OF_JAVA):
        return _of_java("\n".join(rest)), place
    return PACKAGE.sub("", STATE.sub("", rest[0]), count=1), place


def _of_java(text: str) -> str:
    """The first line, without the parts that only say that something failed."""
    text = BEFORE_CAUSE.sub("", text).strip()
    line = STATE.sub("", text.partition("\n")[0])
    line = PACKAGE.sub("", line).rstrip("; ")
    return line if len(line) <= TOO_LONG else f"{line[: TOO_LONG - 3]}..."
