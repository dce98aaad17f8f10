"""The records that a job is checked with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.encode import check_record
from spark_kafka_testkit._event_time import at
from spark_kafka_testkit._invariance.answers import OTHER
from spark_kafka_testkit._invariance.schedule import (
    AddPartition,
    DeleteRecords,
    Place,
    Schedule,
)
from spark_kafka_testkit._kafka_python.producer import partition_of
from spark_kafka_testkit._model.offsets import to_millis
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit.serde import encode

__all__ = ["EventTime", "Inputs"]

EventTime = Callable[[Record], Any]

BEGIN = at("09:00")
SECOND = 1000
MOST_PARTITIONS = 8
FAR_AHEAD = timedelta(days=3650)


class Inputs:
    """The records of each input, as they are sent.

    Each record has a timestamp and a place of its own, so two runs send the same.

    Args:
        given: what the user gave, by input name.
        event_time: a function that returns the event time of a record. None uses the
            record's timestamp.
        closers: the records to send at the end, by input name. None sends a copy of
            each input's last record with a timestamp far in the future.

    Raises:
        TypeError, ValueError: something can't be sent, or there are no records.

    Attributes:
        records: the records, by input name.
        places: the places of all records. Each input keeps its order, and the inputs
            are merged by event time.
    """

    def __init__(
        self,
        given: Mapping[str, Iterable[Any]],
        event_time: EventTime | None,
        closers: Mapping[str, Any] | None = None,
    ) -> None:
        self._event_time = event_time
        self.records = {name: _records(name, given[name]) for name in given}
        if not any(self.records.values()):
            raise ValueError("inputs has no records: there is nothing to check.")
        self._times = {
            Place(name, index): self._time_of(name, index, record)
            for name, records in self.records.items()
            for index, record in enumerate(records)
        }
        self.places = _merged(self.records, self._times)
        self._closers = self._all_closers(closers)

    @property
    def time_name(self) -> str:
        """What the event time is, for messages."""
        return "the record's timestamp" if self._event_time is None else "event_time"

    def check(self, schedule: Schedule) -> None:
        """Check that a schedule belongs to these inputs.

        Raises:
            ValueError: it belongs to other inputs.
        """
        for place in schedule.places:
            count = len(self.records.get(place.input, ()))
            if place.index >= count:
                raise ValueError(
                    f"schedule sends {place}, but inputs has {count} records of "
                    f"{place.input!r}. It belongs to other inputs."
                )
        for step in schedule.steps:
            if isinstance(step, (AddPartition, DeleteRecords)):
                _arguments.choice("input in schedule", step.input, self.records)

    def record(self, place: Place) -> Record:
        """The record to send for a place. In the form `other`, it has another key."""
        record = self.records[place.input][place.index]
        if place.form != "other":
            return record
        key = record.key
        other = key + OTHER.encode() if isinstance(key, bytes) else f"{key}{OTHER}"
        return record._replace(key=other)

    def key(self, place: Place) -> bytes | None:
        """The key that the user gave to the record, as bytes, whatever the form."""
        key = encode(self.records[place.input][place.index].key)
        return None if key is None else bytes(key)

    @property
    def most_partitions(self) -> int:
        """The number of partitions that the records name, at most `MOST_PARTITIONS`.

        If they name more, some of them share one.
        """
        named = [
            int(record.partition) + 1
            for records in self.records.values()
            for record in records
            if record.partition is not None
        ]
        return min(max(named, default=1), MOST_PARTITIONS)

    @property
    def has_closers(self) -> bool:
        """Whether anything is sent to close windows."""
        return any(self._closers.values())

    def time(self, place: Place) -> int:
        """The event time of a record, in milliseconds since the epoch."""
        return self._times[Place(place.input, place.index)]

    def partition(self, place: Place, count: int) -> int:
        """The partition that a record goes to, if its topic has `count` of them.

        A partition that the record names counts first, modulo `count`. Without one, the
        key decides, as for Kafka's producers. Without a key, the record's index
        decides.
        """
        return _partition(self.record(place), place.index, count)

    def are_in_order(self, places: Iterable[Place]) -> bool:
        """Whether these places are in the order in which all are sent at once.

        Duplicates and copies with another key do not count.
        """
        sent = [place for place in places if not place.form]
        return sent == [place for place in self.places if place in sent]

    def keeps_order(self, schedule: Schedule) -> bool:
        """Whether each partition gets its records in the order of the inputs."""
        last: dict[tuple[str, int], int] = {}
        for place in schedule.places:
            where = place.input, self.partition(place, schedule.partitions)
            if last.get(where, -1) > place.index:
                return False
            last[where] = place.index
        return True

    def to_send(self, place: Place, count: int) -> Record:
        """The record for a place, with its partition."""
        return self.record(place)._replace(partition=self.partition(place, count))

    def closers_to_send(self, name: str, count: int) -> list[Record]:
        """The closers of an input, with their partitions."""
        return [
            record._replace(partition=_partition(record, 0, count))
            for record in self._closers.get(name, ())
        ]

    def _time_of(self, name: str, index: int, record: Record) -> int:
        if self._event_time is None:
            return int(record.timestamp)
        told = self._event_time(record)
        return to_millis(f"event_time of {name}[{index}]", told)

    def _all_closers(self, given: Mapping[str, Any] | None) -> dict[str, list[Record]]:
        if given is not None:
            for name in given:
                _arguments.choice("input in closers", name, self.records)
            return {name: _records(name, given[name], "closers") for name in given}
        latest = max(
            int(record.timestamp) for some in self.records.values() for record in some
        )
        ahead = latest + FAR_AHEAD // timedelta(milliseconds=1)
        return {
            name: [records[-1]._replace(timestamp=ahead)]
            for name, records in self.records.items()
            if records
        }


def _partition(record: Record, index: int, count: int) -> int:
    if record.partition is not None:
        return int(record.partition) % count
    key = encode(record.key)
    return index % count if key is None else partition_of(key, count)


def _records(name: str, given: Any, argument: str = "inputs") -> list[Record]:
    which = f"{argument}[{name!r}]"
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(
            f"{which} must be a list of (key, value) pairs or Records, a Hypothesis "
            "strategy for them, or the result of read_records(), not "
            f"{type(given).__name__}"
        )
    records = []
    for index, message in enumerate(given):
        if not isinstance(message, tuple) or len(message) < 2:
            raise TypeError(
                f"{which}[{index}] must be a (key, value) pair or a Record, "
                f"not {type(message).__name__}"
            )
        check_record(message, f"{which}[{index}]")
        record = message if isinstance(message, Record) else Record(*message[:2])
        time = record.timestamp
        if time is None:
            time = BEGIN + timedelta(milliseconds=SECOND * index)
        millis = to_millis("timestamp", time) if isinstance(time, datetime) else time
        records.append(record._replace(timestamp=millis, topic=None, offset=None))
    return records


def _merged(
    records: Mapping[str, list[Record]], times: Mapping[Place, int]
) -> tuple[Place, ...]:
    """The places of all records, merged by event time.

    Each input keeps its own order. If the records of an input name partitions, as
    records that were read do, each partition keeps its order instead.
    """
    queues: dict[tuple[str, int | None], deque[Place]] = {}
    for name, some in records.items():
        for index, record in enumerate(some):
            queue = queues.setdefault((name, record.partition), deque())
            queue.append(Place(name, index))
    merged = []
    while left := [queue for queue in queues.values() if queue]:
        first = min(left, key=lambda queue: times[queue[0]])
        merged.append(first.popleft())
    return tuple(merged)
