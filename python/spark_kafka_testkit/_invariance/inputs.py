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
    """The records of each input, as they are sent: each has a timestamp and a place of
    its own, so that two runs send the same.

    Args:
        given: what the user gave, by the names of the inputs.
        event_time: of a record, where it is not its timestamp.
        closers: what to send at the end, by input; None: a record far ahead.

    Raises:
        TypeError, ValueError: something that can't be sent.

    Attributes:
        records: by the names of the inputs.
        places: all of them, in the order of their event times.
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
        """What their event time is, for texts."""
        return "the record's timestamp" if self._event_time is None else "event_time"

    def check(self, schedule: Schedule) -> None:
        """
        Raises:
            ValueError: it is the schedule of other inputs.
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
        """The record that is sent for a place."""
        record = self.records[place.input][place.index]
        if place.form != "other":
            return record
        key = record.key
        other = key + OTHER.encode() if isinstance(key, bytes) else f"{key}{OTHER}"
        return record._replace(key=other)

    def key(self, place: Place) -> bytes | None:
        """The key that the user gave its record, whatever the form."""
        key = encode(self.records[place.input][place.index].key)
        return None if key is None else bytes(key)

    @property
    def most_partitions(self) -> int:
        """How many partitions the records name; of many, some share one."""
        named = [
            int(record.partition) + 1
            for records in self.records.values()
            for record in records
            if record.partition is not None
        ]
        return min(max(named, default=1), MOST_PARTITIONS)

    def time(self, place: Place) -> int:
        """Its event time, in milliseconds since the epoch."""
        return self._times[Place(place.input, place.index)]

    def partition(self, place: Place, count: int) -> int:
        """Where it goes of so many partitions: by its key, as Kafka's producers do."""
        return _partition(self.record(place), place.index, count)

    def are_in_order(self, places: Iterable[Place]) -> bool:
        """Whether these places are in the order in which all are sent at once.

        Places of another form do not count.
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
        """The record with its partition."""
        return self.record(place)._replace(partition=self.partition(place, count))

    def closers_to_send(self, name: str, count: int) -> list[Record]:
        """The closers of an input with their partitions."""
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
    """All records: each input in its own order, and of two inputs first what is
    earlier. Of an input whose records name partitions, as those that were read do, each
    partition counts as one.
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
