"""Whether a sink has each record exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._queries.state import QueryState
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._streams.steps import StreamSteps
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._waits.answer import RowsAnswer
from spark_kafka_testkit._waits.exactly_once import Differences, Sighting, differences
from spark_kafka_testkit._waits.finality import Finality
from spark_kafka_testkit.errors import UnknownTopicError, WaitError

if TYPE_CHECKING:
    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit.serde import Deserializer, Serializer

__all__ = ["ExactlyOnce"]

OF_KAFKA = (
    "Kafka's sink is at-least-once: a batch that runs again is written again. Have "
    "readers drop what they have had by this key, or write by foreachBatch."
)
OF_OTHERS = (
    "A batch that runs again has the same number: write it so that the second time "
    "changes nothing, by MERGE, or skip a number that the sink has."
)
OF_LOSSES = (
    "A batch was committed before the sink had all of it: does a function return "
    "early, or catch an error? What the job drops on purpose leave out of expected=."
)
OF_STRANGERS = (
    "What the job writes is told from what was sent by key=: is it the same in both? "
    "Else give expected=."
)

Key = str | Callable[[Any], Any]


class ExactlyOnce(StreamSteps):
    """The check that a sink has each record once; see `StreamSteps` for the others."""

    _since: dict[int, int] | None = None

    def __init__(
        self,
        cluster: Cluster,
        topic: str | None,
        answer: Callable[[], Any] | None,
        timeout: float,
    ) -> None:
        super().__init__(cluster, topic, answer, timeout)
        self._sent_since: dict[str, dict[int, int]] = {}

    def add_data(
        self,
        topic: str,
        messages: Iterable[Any],
        *,
        key_serializer: Serializer | None = None,
        value_serializer: Serializer | None = None,
    ) -> None:
        if isinstance(topic, str) and topic not in self._sent_since:
            ends = self._ends_of(topic)
            if ends is not None:
                self._sent_since[topic] = ends
        super().add_data(
            topic,
            messages,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
        )

    add_data.__doc__ = StreamSteps.add_data.__doc__

    def check_exactly_once(
        self,
        expected: Iterable[Any] | None = None,
        *,
        key: Key = "key",
        key_deserializer: Deserializer = "STRING",
        value_deserializer: Deserializer = "STRING",
    ) -> None:
        """Checks that the sink has got each record once since the run began: none
        twice, none never, and none that nobody has sent.

        It is for jobs that write a record for each that they read. For others give what
        is expected. A query that runs is waited for: all that was sent is processed,
        and no batch is due. After `stop`, or a crash, the sink is looked at as it is.

        Example:
            with run.crash("after_sink"):
                run.add_data("in", [("a", {"id": 7})])
            run.start()
            run.check_exactly_once(key="id")

        Args:
            expected: the identities that are to be there, each as often as it is given.
                By default those of what `add_data` has sent to sources.
            key: what tells a record from others, in what was sent and in the sink:
                `"key"`, `"value"`, the name of a field of values that are JSON, or of
                a column of rows; or a function that takes a `Record` or a row.
            key_deserializer, value_deserializer: of topics, see
                `KafkaUtils.get_all_records`.

        Raises:
            WaitError: (an AssertionError) the text lists what was written twice and
                what never, by key, partition and offset.
            ValueError: a record has no such field; nothing was sent by `add_data`.
            TypeError: an argument that can't be used; what the query writes to is not
                known.
        """
        if not callable(key):
            _arguments.text("key", key)
        if isinstance(expected, (str, bytes)):
            raise TypeError("expected must be a list of identities, not text")
        deserializers = key_deserializer, value_deserializer
        rows = self._sink_rows()
        wanted = (
            list(self._sent(key, deserializers))
            if expected is None
            else [Sighting(identity) for identity in expected]
        )
        if self.query.isActive:
            self.process_all_available()
            Finality(self._cluster, self._session()).wait(self._timeout, batches=2)
        if rows is None:
            assert self._topic is not None
            written = list(self._records(self._topic, self._since, key, deserializers))
        else:
            written = [Sighting(_of_row(row, key)) for row in rows.mark()]
        found = differences(wanted, written)
        if found.count:
            raise WaitError(self._told(found), query=self.query)

    def _sent(
        self, key: Key, deserializers: tuple[Deserializer, Deserializer]
    ) -> Iterator[Sighting]:
        topics = {
            topic: since
            for topic, since in self._sent_since.items()
            if topic != self._topic
        }
        if not topics:
            raise ValueError(
                "Nothing was sent by add_data(), so what is to be there is not known. "
                "Give it: check_exactly_once(expected=[...])."
            )
        for topic, since in topics.items():
            yield from self._records(topic, since, key, deserializers)

    def _sink_rows(self) -> RowsAnswer | None:
        """What reads the rows of its sink; None where that is a topic.

        Raises:
            TypeError: where it writes to is not known.
        """
        if self._topic is not None:
            return None
        return RowsAnswer(self._given_rows or self._rows())

    def _records(
        self,
        topic: str,
        since: dict[int, int] | None,
        key: Key,
        deserializers: tuple[Deserializer, Deserializer],
    ) -> Iterator[Sighting]:
        # what is not looked at may be bytes of any sort
        used = (deserializers[0], "BINARY") if key == "key" else deserializers
        used = ("BINARY", used[1]) if isinstance(key, str) and key != "key" else used
        request = ReadRequest(topic) if since is None else ReadRequest(topic, since)
        client = self._cluster.client_for(topic, self._session())
        for record in read_records(client, request, Decoder(topic, *used)):
            identity = _of_record(record, key)
            yield Sighting(identity, topic, record.partition, record.offset)

    def _told(self, found: Differences) -> str:
        sink = "The sink" if self._topic is None else f"Topic {self._topic!r}"
        first = found.lines[0]
        more = found.count - 1
        rest = f", and {more} more (below)" if more else ""
        advice = []
        if found.repeated:
            advice.append(OF_OTHERS if self._topic is None else OF_KAFKA)
        elif found.lost:
            advice.append(OF_LOSSES)
        else:
            advice.append(OF_STRANGERS)
        listed = [f"  {line}" for line in found.lines] if more else []
        return "\n".join(
            [
                f"{sink} does not have each record exactly once: {first}{rest}.",
                *advice,
                *listed,
                QueryState(self.query).describe(),
            ]
        )

    def _begin_checks(self) -> None:
        super()._begin_checks()
        if self._topic is not None and self._since is None:
            self._since = self._ends_of(self._topic)

    def _ends_of(self, topic: str) -> dict[int, int] | None:
        """None where there is no such topic, which is told elsewhere."""
        with suppress(UnknownTopicError, ValueError):
            offsets = self._cluster.offsets(topic)
            return {number: at.end for number, at in offsets.items()}
        return None


def _of_record(record: Record, key: Key) -> Any:
    if callable(key):
        return key(record)
    if key in ("key", "value"):
        return getattr(record, key)
    value = record.value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict) or key not in value:
        raise ValueError(
            f"key={key!r}: topic {record.topic!r}, partition {record.partition}, "
            f"offset {record.offset} has no such field: it is {shown(record.value)}. "
            "Give a function: key=lambda record: ..."
        )
    return value[key]


def _of_row(row: Any, key: Key) -> Any:
    if callable(key):
        return key(row)
    names = getattr(row, "__fields__", row)  # a Row's, or a dict's
    if isinstance(names, (list, dict)) and key in names:
        return row[key]
    raise ValueError(
        f"key={key!r}: the row {shown(row)} has no such column. Give a function: "
        "key=lambda row: ..."
    )
