"""What a stream has answered: how it is read, and what it may be compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._reads.results import (
    ends_of,
    read_latest_and_ends,
    read_records,
)
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.equality import InAnyOrder, equal, unmatched
from spark_kafka_testkit._waits.matchers import Contains

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_kafka_testkit._cluster import Cluster

__all__ = ["Answer", "End"]

End: TypeAlias = dict[int, int] | int

LOOKED_AT = 20
FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    '"JSON"': json.loads,
}
"""What makes another value of a text, by how a deserializer for it is written."""


class Answer:
    """The answer of a stream, in a topic or in Spark's memory sink.

    Args:
        cluster: where the topic is.
        spark: the stream's session.
        topic: the sink topic; None for the memory sink.
        decoder: of the topic's keys and values.
        since: the end of an earlier answer, from which on this one is read; None for
            all.

    Attributes:
        end: up to where it was read last: offsets by partition, or a number of rows.
    """

    def __init__(
        self,
        cluster: Cluster,
        spark: SparkSession,
        topic: str | None,
        decoder: Decoder,
        since: End | None = None,
    ) -> None:
        self._cluster, self._spark = cluster, spark
        self._topic, self._decoder = topic, decoder
        self._since = since
        self.end: End | None = since

    def wanted(self, expected: Any) -> Any:
        """What is expected, as it is compared; the order of a list does not count.

        Raises:
            TypeError: it can't be an answer.
        """
        items = expected.parts if isinstance(expected, Contains) else expected
        if items is None or isinstance(items, (str, bytes, int, float)):
            raise TypeError(
                "expected must be a dict, or a list of pairs or rows, not "
                f"{type(expected).__name__}"
            )
        if self._topic is None and isinstance(items, Mapping):
            raise TypeError(
                "expected must be a list of rows, which are what the memory sink has, "
                "not a dict"
            )
        if isinstance(items, Iterable) and not (
            isinstance(items, Mapping) or callable(items)
        ):
            items = list(items)
            check = _check_row if self._topic is None else _check_pair
            for place, item in enumerate(items):
                check(place, item)
            return expected if isinstance(expected, Contains) else InAnyOrder(items)
        return expected

    def read(self, wanted: Any, table: str) -> Any:
        """The answer now, in the form of what is wanted.

        Args:
            wanted: what `wanted` has given.
            table: the memory sink's.
        """
        if self._topic is None:
            rows = self._spark.table(table).collect()
            self.end = len(rows)
            rows = rows[self._since if isinstance(self._since, int) else 0 :]
            items = wanted.parts if isinstance(wanted, Contains) else wanted
            if isinstance(items, list) and any(isinstance(row, dict) for row in items):
                return [row.asDict(recursive=True) for row in rows]
            return rows
        client = self._cluster.client_for(self._topic, self._spark)
        if self._is_of_pairs(wanted):
            records = read_records(client, self._request(), self._decoder)
            self.end = ends_of(records.coverage)
            return [(record.key, record.value) for record in records]
        latest, self.end = read_latest_and_ends(client, self._request(), self._decoder)
        return latest

    @staticmethod
    def is_lacking(wanted: Any, last: Any) -> bool:
        """Whether something of what is wanted may be still to come."""
        parts = wanted.parts if isinstance(wanted, Contains) else wanted
        if isinstance(parts, Mapping) and isinstance(last, Mapping):
            return any(key not in last for key in parts)
        if isinstance(parts, list) and isinstance(last, list):
            missing, unexpected = unmatched(parts, last)
            return len(missing) > (0 if parts is not wanted else len(unexpected))
        return True

    def explain(self, wanted: Any, last: Any) -> Iterator[str]:
        """Why a topic's answer is another than what is wanted, if its form tells.

        Args:
            wanted: what `wanted` has given.
            last: what `read` has given.
        """
        if self._topic is None or callable(wanted):
            return
        parts = wanted.parts if isinstance(wanted, Contains) else wanted
        if isinstance(last, dict) and None in last:
            keys = self._keys()
            if keys.count(None) > 1:
                yield (
                    f"{keys.count(None)} records have no key: a dict keeps the last of "
                    "them. Expect a list of (key, value) pairs."
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
        assert self._topic is not None
        client = self._cluster.client_for(self._topic, self._spark)
        decoder = Decoder(self._topic, "BINARY", "BINARY")
        records = read_records(client, self._request(), decoder)
        return [record.key for record in records]

    def _request(self) -> ReadRequest:
        assert self._topic is not None
        if isinstance(self._since, dict):
            return ReadRequest(self._topic, self._since)
        return ReadRequest(self._topic)

    @staticmethod
    def _is_of_pairs(wanted: Any) -> bool:
        if isinstance(wanted, Contains):
            return isinstance(wanted.parts, list)
        return isinstance(wanted, InAnyOrder) or callable(wanted)


def _check_row(place: int, item: Any) -> None:
    if isinstance(item, (str, bytes, int, float)):
        raise TypeError(
            f"expected[{place}] must be a row: a tuple, a dict or a Row, not "
            f"{type(item).__name__}; write ({shown(item)},)"
        )


def _check_pair(place: int, item: Any) -> None:
    """Matchers are let through, and all else that may be equal to a pair."""
    if isinstance(item, Record):
        raise TypeError(
            f"expected[{place}] must be a (key, value) pair, not Record; for what else "
            "a Record has compare read_records(topic)"
        )
    is_pair = isinstance(item, (tuple, list)) and len(item) == 2
    if isinstance(item, (str, bytes, int, float, Mapping, tuple, list)) and not is_pair:
        raise TypeError(
            f"expected[{place}] must be a (key, value) pair, not {shown(item)}; "
            "for the values alone give a function: lambda pairs: ..."
        )


def _as_text(field: str, pairs: list[tuple[Any, Any]]) -> Iterator[str]:
    """Where values are text, and those expected are what it says."""
    for text, wanted in pairs:
        if not isinstance(text, str) or isinstance(wanted, bytes):
            continue
        if isinstance(wanted, str):
            if text != wanted and _is_same_json(text, wanted):
                yield (
                    f"The {field}s are equal as JSON: give "
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
                yield f"The {field}s are text: give {field}_deserializer={name}."
                return


def _is_same_json(one: str, other: str) -> bool:
    try:
        parts = json.loads(one), json.loads(other)
    except (ValueError, RecursionError):
        return False
    return isinstance(parts[0], (dict, list)) and equal(*parts)
