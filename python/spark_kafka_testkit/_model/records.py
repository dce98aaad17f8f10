"""Records: what a read gives, and what can be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any, NamedTuple

from spark_kafka_testkit._model.offsets import EPOCH, Coverage

__all__ = ["Record", "Records"]

SHOWN_RECORDS = 20
HTML_COLUMNS = ("topic", "partition", "offset", "time", "key", "value", "headers")


class Record(NamedTuple):
    """A record of a topic: one that was read, or one to send.

    To send, a key and a value are enough: `Record("k", "v", timestamp=1000)`.
    Partition, timestamp and headers are obeyed; topic, offset and timestamp_type, which
    only the broker gives, are not looked at, so that what was read can be sent on.

    Attributes:
        key, value: what the deserializers made of them; `None` is null (as a value, a
            tombstone).
        topic, partition, offset: where it lies.
        timestamp: milliseconds since the epoch; `None` where the record has none. To
            send, a `datetime` too, which `at` makes: `timestamp=at("09:05")`.
        timestamp_type: `"CreateTime"` or `"LogAppendTime"`, Kafka's names; `None` with
            no timestamp.
        headers: (name, bytes or `None`) pairs, in their order; a name may come twice.
    """

    key: Any = None
    value: Any = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp: Any = None  # an int of what was read; see above
    timestamp_type: str | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def datetime(self) -> datetime | None:
        """The timestamp as an aware `datetime`, in UTC.

        Raises:
            ValueError: it is outside the years 1 to 9999, all that a `datetime` knows.
        """
        if self.timestamp is None:
            return None
        try:
            return EPOCH + timedelta(milliseconds=self.timestamp)
        except OverflowError as error:
            raise ValueError(
                f"timestamp={self.timestamp} is outside the years 1 to 9999, and a "
                "datetime knows no others. Use the timestamp itself, in milliseconds."
            ) from error

    def __repr__(self) -> str:
        """Only what there is: `Record('k', 'v', topic='t', partition=0, offset=7)`."""
        shown = [repr(self.key), repr(self.value)]
        shown += [
            f"{name}={value!r}"
            for name, value in zip(self._fields[2:], self[2:], strict=True)
            if value not in (None, ())
        ]
        return f"Record({', '.join(shown)})"


class Records(list[Record]):
    """The records of one read, per partition by offset.

    Attributes:
        coverage: what of each partition was read; all of it, or the read had failed.
        new_partitions: those that were added to the topic while it was read, and are
            not in the records.
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
        """A table of the first, for notebooks."""
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
