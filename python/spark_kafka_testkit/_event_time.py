"""Times of day, for event times in tests."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

__all__ = ["as_local", "at", "local_time", "shown_time"]

A_DAY = "2026-01-01"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def at(clock: str, day: str = A_DAY) -> datetime:
    """A time of day, as a `datetime` in the local time zone.

    Spark sessions use this zone too, unless `spark.sql.session.timeZone` says
    otherwise.

    Example:
        kafka.send_messages("visits", [Record("k", "v", timestamp=at("09:05"))])
        run.add_data("orders", [("a", {"at": at("09:05:30"), "total": 3})])

    Args:
        clock: hours and minutes, with optional seconds and milliseconds:
            `09:05:30.500`.
        day: the day. In most tests it only matters that it is always the same.

    Raises:
        TypeError, ValueError: a time or a day that is not valid.
    """
    try:
        return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"at() accepts a time such as '09:05' and a day such as {A_DAY!r}, not "
            f"{clock!r} and {day!r}"
        ) from None


def as_local(time: datetime) -> datetime:
    """A time with a zone as local time without one, as `at` and PySpark have it."""
    return time.astimezone().replace(tzinfo=None)


def local_time(millis: int) -> datetime:
    """The local time of milliseconds since the epoch."""
    return as_local(EPOCH + timedelta(milliseconds=millis))


def shown_time(millis: int) -> str:
    """The local time of milliseconds since the epoch, written for people."""
    local = local_time(millis)
    return local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")
