"""What arguments may be: one rule for each kind, for everything that users pass in.

A rule takes the argument's name, for the error, and its value. It returns the value in
the form that the kit works with, or raises a TypeError or ValueError that says what it
must be and what it is. The rules apply before anything is sent or created.
"""

from __future__ import annotations

import numbers
import operator
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import unquote

from spark_kafka_testkit._text import did_you_mean, shown

__all__ = [
    "INT_MAX",
    "LONGEST_SECONDS",
    "LONGEST_TOPIC",
    "LONG_MAX",
    "SHORT_MAX",
    "addresses",
    "are_addresses",
    "choice",
    "duration",
    "factor",
    "flag",
    "followed_query",
    "is_encodable",
    "is_whole",
    "known",
    "local_folder",
    "moment",
    "seconds",
    "session",
    "settings",
    "streaming_query",
    "text",
    "to_int",
    "topic",
    "topics",
    "unknown",
    "whole",
]

SHORT_MAX, INT_MAX, LONG_MAX = ((1 << bits) - 1 for bits in (15, 31, 63))
"""The largest numbers that Kafka's protocol has room for."""
LONGEST_SECONDS = 1_000_000.0  # of a wait (a socket's timeout may be twice as long)
LONGEST_TOPIC = 249
TOPIC = re.compile(rf"(?!\.{{1,2}}\Z)[a-zA-Z0-9._-]{{1,{LONGEST_TOPIC}}}\Z")
ADDRESS = re.compile(
    r"(?:\w+://)?(?:\[[\w.:%-]+\]|[\w.%-]+):(?P<port>\d{1,5})\Z", re.ASCII
)
"""The form that Kafka's Java clients accept."""
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
UNITS = {
    "millisecond": MILLISECOND,
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
PART = re.compile(rf"\s*(\d+)\s*({'|'.join(UNITS)})s?(?:\s+|\Z)", re.ASCII)


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether it is an integer, from Python or NumPy, and not True or False."""
    if isinstance(value, bool):
        return False
    try:
        operator.index(value)
    except Exception:  # noqa: BLE001  whatever it raises, it is not an integer
        return False
    return True


def to_int(value: Any) -> Any:
    """An integer of any library as an int. Anything else stays as it is."""
    return operator.index(value) if is_whole(value) else value


def whole(name: str, value: Any, least: int | None, most: int | None = None) -> int:
    """An integer in a range."""
    if not is_whole(value):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    number = operator.index(value)
    if least is not None and number < least:
        limit = "not be negative" if least == 0 else f"be at least {least}"
        raise ValueError(f"{name} must {limit}, got {shown(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most:,}, got {shown(number)}")
    return number


def seconds(name: str, value: Any, *, positive: bool = False) -> float:
    """The number of seconds to wait. With `positive`, it must not be 0."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number:
        raise TypeError(
            f"{name} must be a number of seconds, not {type(value).__name__}"
        )
    if value != value:
        raise ValueError(f"{name} must be a number of seconds, got nan")
    if positive and value <= 0:
        raise ValueError(f"{name} must be more than 0 s, got {shown(value)}")
    if value < 0:
        raise ValueError(f"{name} must not be negative, got {shown(value)}")
    if value > LONGEST_SECONDS:
        raise ValueError(
            f"{name} must be at most {LONGEST_SECONDS:,.0f} s, got {shown(value)}"
        )
    return float(value)


def factor(name: str, value: Any) -> float:
    """A number to multiply something by."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number:
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not 0 < value <= LONGEST_SECONDS:
        raise ValueError(f"{name} must be a number above 0, got {shown(value)}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def choice(name: str, value: Any, valid: Iterable[str]) -> Any:
    """One of a few words."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if value not in valid:
        raise ValueError(unknown(name, value, valid))
    return value


def unknown(name: str, value: Any, valid: Iterable[str]) -> str:
    """The message about a value that is not one of a few words."""
    return f"Unknown {name} {shown(value)}. Choose one of: {', '.join(valid)}."


def known(function: str, given: Iterable[str], names: Iterable[str]) -> None:
    """The names of arguments, where Python does not check them.

    Names in Spark's spelling are refused, with a hint.
    """
    for name in given:
        if name not in names:
            spelled = re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
            hint = did_you_mean(spelled, names)
            raise TypeError(f"{function} has no argument {name!r}.{hint}")


def text(name: str, value: Any) -> str:
    """Text that is not empty, and that UTF-8 can encode."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    if not is_encodable(value):
        raise ValueError(
            f"{name} must be text that UTF-8 can encode, got {shown(value)}"
        )
    return value


def is_encodable(value: str) -> bool:
    """Whether UTF-8 can encode the text. It can't encode half of a surrogate pair."""
    try:
        str.encode(value)
    except UnicodeEncodeError:
        return False
    return True


def topic(name: str, value: Any, *, is_named: bool = True) -> str:
    """The name of a topic, by Kafka's own rules.

    Args:
        name: as for all rules.
        value: as for all rules.
        is_named: whether the error shows the value as that of an argument in Python.
    """
    text(name, value)
    if not TOPIC.match(value):
        prefix = f"{name}=" if is_named else ""
        raise ValueError(
            f"{prefix}{shown(value)} is not a valid topic name: Kafka allows 1 to "
            f"{LONGEST_TOPIC} of the characters a-z, A-Z, 0-9, '.', '_' and '-', but "
            "not '.' or '..'."
        )
    return str(value)


def topics(name: str, values: Any) -> list[str]:
    """The names of topics, in any iterable."""
    if isinstance(values, (str, bytes)):
        raise TypeError(
            f"{name} must be a list of names, not a {type(values).__name__}. Write "
            f"[{shown(values)}]"
        )
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of names, not {type(values).__name__}")
    return [topic(f"{name}[{index}]", value) for index, value in enumerate(values)]


def settings(name: str, values: Any) -> dict[str, str]:
    """Settings as in Java's properties, from text to text.

    Numbers become text, and True and False become lower-case text.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dict, not {type(values).__name__}")
    checked = {}
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            raise TypeError(
                f"{name} must map names of settings to text or numbers, but "
                f"{shown(key)} has a {type(value).__name__}"
            )
        told = str(value).lower() if isinstance(value, bool) else str(value)
        if not is_encodable(told):  # it may be secret, so it is not shown
            raise ValueError(f"{name}[{key!r}] must be text that UTF-8 can encode")
        checked[text(f"a name in {name}", key)] = told
    return checked


def addresses(name: str, value: Any) -> str:
    """Where a broker answers: `host:port`, or several separated by commas."""
    if not are_addresses(text(name, value)):
        raise ValueError(
            f"{name} must be host:port, or several separated by commas, got "
            f"{shown(value)}"
        )
    return str(value)


def local_folder(name: str, value: Any) -> Path:
    """A folder on this machine, as a path or a `file:` URI."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, not {type(value).__name__}")
    told = text(name, os.fspath(value))
    scheme, colon, rest = told.partition(":/")
    if colon and scheme.isalnum():
        if scheme != "file":
            raise ValueError(
                f"{name} must be a folder on this machine, got {shown(told)}"
            )
        return Path("/" + unquote(rest).lstrip("/"))
    return Path(told)


def are_addresses(value: str) -> bool:
    """Whether `addresses` accepts it."""
    matches = [ADDRESS.match(address.strip(" ")) for address in value.split(",")]
    return all(match and 0 < int(match["port"]) < 1 << 16 for match in matches)


def session(name: str, value: Any) -> Any:
    """A Spark session, classic or Connect."""
    if not callable(getattr(value, "createDataFrame", None)):
        raise TypeError(f"{name} must be a SparkSession, not {type(value).__name__}")
    return value


def streaming_query(name: str, value: Any) -> Any:
    """A query. The usual mistake is to pass a writer instead."""
    if not hasattr(value, "isActive"):
        raise TypeError(
            f"{name} must be a StreamingQuery, not {type(value).__name__}. Is .start() "
            "missing?"
        )
    return value


def followed_query(name: str, value: Any, verb: str) -> Any:
    """The one query that `follow()` takes over. A job may have several.

    Args:
        name: as for all rules.
        value: as for all rules.
        verb: how the user hands the query over, for the error.
    """
    if isinstance(value, (list, tuple, set, Mapping)) and value:
        raise TypeError(
            f"{name} must be one StreamingQuery, not a {type(value).__name__}. "
            f"follow() follows one query: {verb} the one to follow, and wait for the "
            "others with wait_until_processed(a, b)."
        )
    return streaming_query(name, value)


def moment(name: str, value: Any) -> int:
    """A point in time, in milliseconds since the epoch.

    Accepts a `datetime` or its ISO text. Without a zone it is local time, as in `at()`.
    """
    told = value
    if isinstance(value, str):
        with suppress(ValueError):
            told = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(told, str):
            raise ValueError(
                f"{name} must be a time such as '2026-01-01T09:00', got {shown(value)}"
            )
    if not isinstance(told, datetime):
        raise TypeError(
            f"{name} must be a time such as '2026-01-01T09:00', or a datetime, not "
            f"{type(value).__name__}"
        )
    return _milliseconds(name, told.astimezone(timezone.utc) - EPOCH, value)


def duration(name: str, value: Any) -> int:
    """A positive span of time, in milliseconds.

    Accepts a `timedelta`, or text in the form that Spark's triggers use.
    """
    told = value
    if isinstance(value, str):
        parts, end = [], 0
        while part := PART.match(value, end):
            parts.append(int(part[1]) * UNITS[part[2]])
            end = part.end()
        if not parts or end < len(value):
            raise ValueError(
                f"{name} must be a time such as '30 minutes', in units of "
                f"{'s, '.join(UNITS)}s, got {shown(value)}"
            )
        told = sum(parts, timedelta())
    if not isinstance(told, timedelta):
        raise TypeError(
            f"{name} must be a text such as '30 minutes', or a timedelta, not "
            f"{type(value).__name__}"
        )
    if told <= timedelta():
        raise ValueError(f"{name} must be more than 0, got {shown(value)}")
    return _milliseconds(name, told, value)


def _milliseconds(name: str, span: timedelta, given: Any) -> int:
    whole_ones, rest = divmod(span, MILLISECOND)
    if rest:
        raise ValueError(
            f"{name} must be a whole number of milliseconds, got {shown(given)}"
        )
    return whole_ones
