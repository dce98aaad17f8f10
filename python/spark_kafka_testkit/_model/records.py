"""Records: the result of a read, and what you can send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any, NamedTuple

from spark_kafka_testkit._model.offsets import EPOCH, Coverage

__all__ = ["Record", "Records"]

SHOWN_RECORDS = 20
HTML_COLUMNS = ("topic", "partition", "offset", "time", "key", "value", "headers")


class Record(NamedTuple):
    """A record of a topic, either read or to be sent.

    To send, a key and a value are enough: `Record("k", "v", timestamp=1000)`.
    Partition, timestamp and headers are honoured. topic, offset and timestamp_type are
    ignored, because only the broker assigns them. You can therefore send on what you
    have read.

    Attributes:
        key, value: the deserialized key and value. `None` is null (as a value, a
            tombstone).
        topic, partition, offset: where the record is.
        timestamp: milliseconds since the epoch, or `None` if the record has no
            timestamp. To send, it may also be a `datetime`, for example from `at`:
            `timestamp=at("09:05")`.
        timestamp_type: `"CreateTime"` or `"LogAppendTime"`, Kafka's names, or `None`
            without a timestamp.
        headers: (name, value) pairs, in their order. A name may occur twice. A read
            returns bytes or `None` as values. To send, they may also be text or
            numbers: `headers=[("trace", "7")]`.
    """

    key: Any = None
    value: Any = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp: Any = None  # an int if it was read (see above)
    timestamp_type: str | None = None
    headers: Sequence[tuple[str, Any]] = ()  # of bytes if it was read (see above)

    @property
    def datetime(self) -> datetime | None:
        """The timestamp as an aware `datetime`, in UTC.

        Raises:
            ValueError: it is outside the years 1 to 9999, which is all a `datetime` can
                hold.
        """
        if self.timestamp is None:
            return None
        if isinstance(self.timestamp, datetime):  # a record to be sent
            return self.timestamp.astimezone(timezone.utc)
        try:
            return EPOCH + timedelta(milliseconds=self.timestamp)
        except OverflowError as error:
            raise ValueError(
                f"timestamp={self.timestamp} is outside the years 1 to 9999, which are "
                "all that a datetime can hold. Use the timestamp itself, in "
                "milliseconds."
            ) from error

    def __repr__(self) -> str:
        """Only the fields that are set.

        For example `Record('k', 'v', topic='t', partition=0, offset=7)`.
        """
        shown = [repr(self.key), repr(self.value)]
        shown += [
            f"{name}={value!r}"
            for name, value in zip(self._fields[2:], self[2:], strict=True)
            if not (value is None or (isinstance(value, tuple) and not value))
        ]
        return f"Record({', '.join(shown)})"


class Records(list[Record]):
    """The records of one read, by partition and offset.

    Attributes:
        coverage: what was read of each partition. It is always everything, since the
            read would have failed otherwise.
        new_partitions: partitions that were added to the topic during the read, and
            whose records are not included.
    """

    def __init__(
        self,
        records: Iterable[Record],
        coverage: Mapping[int, Coverage],
        new_partitions: tuple[int, ...] = (),
    ) -> None:
        super().__init__(records)
        self.coverage = dict(coverage)
        self.new_partitions = new_partitions

    def _repr_html_(self) -> str:
        """A table of the first records, for notebooks."""
        rows = "".join(map(_html_row, self[:SHOWN_RECORDS]))
        more = len(self) - SHOWN_RECORDS
        note = f"<p>and {more} more</p>" if more > 0 else ""
        heads = "".join(f"<th>{name}</th>" for name in HTML_COLUMNS)
        return f"<table><tr>{heads}</tr>{rows}</table>{note}"


def _html_row(record: Record) -> str:
    try:
        time: Any = record.datetime
    except ValueError:
        time = None
    told = record.timestamp if time is None else time.isoformat(" ", "milliseconds")
    place = (record.topic, record.partition, record.offset, told)
    content = (record.key, record.value, dict(record.headers) or "")
    texts = [str(part) for part in place]
    texts += [part if isinstance(part, str) else repr(part) for part in content]
    return f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
