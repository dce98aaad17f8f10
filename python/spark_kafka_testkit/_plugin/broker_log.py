"""The part of a broker's log that concerns a test: warnings and errors of its time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

__all__ = ["warnings_since"]

LINE = re.compile(
    r"\[?(?P<date>\d{4}-\d{2}-\d{2} )?(?P<time>\d{2}:\d{2}:\d{2}[.,]\d{3})\]? "
    r"(?P<level>[A-Z]+) "
)
LEVELS = ("WARN", "ERROR", "FATAL")
A_DAY = timedelta(days=1)
HALF_A_DAY = A_DAY / 2


def warnings_since(lines: Sequence[str], began: datetime) -> list[str]:
    """The lines of warnings and errors after a time, with the traces that follow them.

    Args:
        lines: lines of Kafka's log, in log4j's usual pattern (date and time, UTC, in a
            container) or the embedded broker's (the local time of day).
        began: the time, with a time zone.
    """
    kept: list[str] = []
    is_wanted = False
    for line in lines:
        match = LINE.match(line)
        if match is not None:
            is_wanted = match["level"] in LEVELS and _time(match, began) >= began
        if is_wanted:
            kept.append(line)
    return kept


def _time(match: re.Match[str], near: datetime) -> datetime:
    """The time of a line. Without a date, it is the nearest such time."""
    told = match["time"].replace(",", ".")
    if match["date"]:
        moment = datetime.fromisoformat(f"{match['date']}{told}")
        return moment.replace(tzinfo=timezone.utc)
    day = near.astimezone()
    moment = datetime.fromisoformat(f"{day.date()} {told}").replace(tzinfo=day.tzinfo)
    if moment < near - HALF_A_DAY:
        return moment + A_DAY
    return moment - A_DAY if moment > near + HALF_A_DAY else moment
