"""The answer of a stream that writes to a topic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import ReadRequest, to_millis
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._reads.results import (
    ends_of,
    read_latest_and_ends,
    read_records,
)
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.answer import Answer, End
from spark_kafka_testkit._waits.equality import InAnyOrder, equal
from spark_kafka_testkit._waits.matchers import Contains
from spark_kafka_testkit.serde import encode

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["TopicAnswer"]

LOOKED_AT = 20
FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    '"JSON"': json.loads,
}
"""Functions that convert text, by how the deserializer for the result is written."""


class TopicAnswer(Answer):
    """The records of a topic, as pairs of key and value, or as a dict.

    Args:
        cluster: where the topic is.
        spark: the stream's session.
        decoder: the decoder of its keys and values, which also names the topic.
        since: see `Answer`.
    """

    def __init__(
        self,
        cluster: Cluster,
        spark: SparkSession,
        decoder: Decoder,
        since: End | None = None,
    ) -> None:
        super().__init__(since)
        self._cluster, self._spark = cluster, spark
        self._topic, self._decoder = decoder.topic, decoder

    def read(self, wanted: Any) -> Any:
        client = self._cluster.client_for(self._topic, self._spark)
        if self._is_of_pairs(wanted):
            records = read_records(client, self._request(), self._decoder)
            self.end = ends_of(records.coverage)
            asked = _asked(wanted.parts if isinstance(wanted, Contains) else wanted)
            if asked is not None:
                return [_reduced(record, asked) for record in records]
            return [(record.key, record.value) for record in records]
        latest, self.end = read_latest_and_ends(client, self._request(), self._decoder)
        return latest

    def wanted(self, expected: Any) -> Any:
        wanted = super().wanted(expected)
        items = wanted.parts if isinstance(wanted, Contains) else wanted
        records = (
            [item for item in items if isinstance(item, Record)]
            if isinstance(items, list)
            else []
        )
        if not records:
            return wanted
        if len({_fields(item) for item in records}) > 1 or len(records) < len(items):
            raise ValueError(
                "expected has Records with different parts, or pairs beside them. Give "
                "all of them a partition, for example, or none"
            )
        given = [_reduced(_as_read(one), _fields(one)) for one in records]
        return Contains(given) if isinstance(wanted, Contains) else InAnyOrder(given)

    def mark(self) -> dict[int, int]:
        return self._cluster.ends(self._topic)

    def _check_kind(self, expected: Any) -> None:
        if expected is None or isinstance(expected, (str, bytes, int, float)):
            raise TypeError(
                "expected must be a dict, or a list of pairs or rows, not "
                f"{type(expected).__name__}"
            )

    def _check_item(self, place: int, item: Any) -> None:
        """Let matchers through, and everything else that may equal a pair."""
        if isinstance(item, Record):
            return
        is_pair = isinstance(item, (tuple, list)) and len(item) == 2
        if (
            isinstance(item, (str, bytes, int, float, Mapping, tuple, list))
            and not is_pair
        ):
            raise TypeError(
                f"expected[{place}] must be a (key, value) pair, not {shown(item)}. "
                "For the values alone, give a function: lambda pairs: ..."
            )

    def explain(self, wanted: Any, last: Any) -> Iterator[str]:
        if callable(wanted):
            return
        parts = wanted.parts if isinstance(wanted, Contains) else wanted
        if isinstance(last, dict) and None in last:
            keys = self._keys()
            if keys.count(None) > 1:
                yield (
                    f"{keys.count(None)} records have no key, and a dict keeps only "
                    "the last of them. Expect a list of (key, value) pairs."
                )
        if isinstance(parts, Mapping) and isinstance(last, dict):
            pairs = [(last[key], value) for key, value in parts.items() if key in last]
            yield from _as_text("value", pairs[:LOOKED_AT])
            others = [key for key in last if key not in parts][:LOOKED_AT]
            wanted_keys = [key for key in parts if key not in last][:LOOKED_AT]
            yield from _as_text(
                "key", [(key, other) for key in others for other in wanted_keys]
            )

    def _keys(self) -> list[Any]:
        client = self._cluster.client_for(self._topic, self._spark)
        decoder = Decoder(self._topic, "BINARY", "BINARY")
        records = read_records(client, self._request(), decoder)
        return [record.key for record in records]

    def _request(self) -> ReadRequest:
        if isinstance(self.since, dict):
            return ReadRequest(self._topic, self.since)
        return ReadRequest(self._topic)

    @staticmethod
    def _is_of_pairs(wanted: Any) -> bool:
        if isinstance(wanted, Contains):
            return isinstance(wanted.parts, list)
        return isinstance(wanted, InAnyOrder) or callable(wanted)


def _fields(record: Record) -> tuple[str, ...]:
    """The fields that are set, besides key and value."""
    names = ("partition", "offset", "timestamp", "headers")
    return tuple(name for name in names if getattr(record, name) not in (None, ()))


def _as_read(record: Record) -> Record:
    """The record with times and headers in the form that a read returns.

    Matchers stay as they are.
    """
    time, headers = record.timestamp, record.headers
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return record._replace(
        timestamp=to_millis("timestamp", time) if isinstance(time, datetime) else time,
        headers=tuple(
            (name, encode(data) if isinstance(data, (str, int, float)) else data)
            for name, data in pairs
        ),
    )


def _asked(wanted: Any) -> tuple[str, ...] | None:
    """Which fields of records are compared besides key and value.

    None if pairs are compared.
    """
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], Record):
        return _fields(wanted[0])
    return None


def _reduced(record: Record, asked: tuple[str, ...]) -> Record:
    return Record(
        record.key, record.value, **{name: getattr(record, name) for name in asked}
    )


def _as_text(field: str, pairs: list[tuple[Any, Any]]) -> Iterator[str]:
    """Advice for values that are text and contain what is expected."""
    for text, wanted in pairs:
        if not isinstance(text, str) or isinstance(wanted, bytes):
            continue
        if isinstance(wanted, str):
            if text != wanted and _is_same_json(text, wanted):
                yield (
                    f"The {field}s are equal as JSON. Give "
                    f'{field}_deserializer="JSON", and expect dicts or lists.'
                )
                return
            continue
        for name, of_text in FROM_TEXT.items():
            try:
                is_wanted = equal(of_text(text), wanted)
            except (ValueError, RecursionError):
                continue
            if is_wanted:
                yield f"The {field}s are text. Give {field}_deserializer={name}."
                return


def _is_same_json(one: str, other: str) -> bool:
    try:
        parts = json.loads(one), json.loads(other)
    except (ValueError, RecursionError):
        return False
    return isinstance(parts[0], (dict, list)) and equal(*parts)
