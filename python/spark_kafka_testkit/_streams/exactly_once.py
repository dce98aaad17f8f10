"""Whether a sink has each record exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._arrow.decoder import Decoder
from spark_kafka_testkit._model.offsets import Bound, ReadRequest
from spark_kafka_testkit._model.records import Record
from spark_kafka_testkit._queries.checkpoint import committed_sources
from spark_kafka_testkit._queries.planned import named_topics
from spark_kafka_testkit._queries.position import Source
from spark_kafka_testkit._reads.results import read_records
from spark_kafka_testkit._streams.checks import RESTLESS_BATCHES
from spark_kafka_testkit._streams.steps import StreamSteps
from spark_kafka_testkit._text import shown
from spark_kafka_testkit._timeline import waiting
from spark_kafka_testkit._waits.answer import End, RowsAnswer
from spark_kafka_testkit._waits.exactly_once import Differences, Sighting, differences
from spark_kafka_testkit.errors import UnknownTopicError, WaitError

if TYPE_CHECKING:
    from spark_kafka_testkit._cluster import Cluster
    from spark_kafka_testkit.serde import Deserializer, Serializer

__all__ = ["ExactlyOnce", "first_offsets"]

OF_KAFKA = (
    "Kafka's sink is at-least-once: a batch that runs again is written again. Let "
    "readers drop duplicates by this key, or write with foreachBatch."
)
OF_OTHERS = (
    "A batch that runs again has the same number. Write it with MERGE, so that a "
    "second write changes nothing, or skip a number that the sink has."
)
OF_LOSSES = (
    "A batch was committed before the sink had all of it. Does a function return "
    "early, or catch an error? Leave what the job drops on purpose out of expected=."
)
OF_STRANGERS = (
    "key= matches what the job writes with what was sent. Is the key the same in both? "
    "If not, give expected=."
)

Key = str | Callable[[Any], Any]


class ExactlyOnce(StreamSteps):
    """The check that a sink has each record once. See `StreamSteps` for other steps."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str | None,
        answer: Callable[[], Any] | None,
        timeout: float,
    ) -> None:
        super().__init__(cluster, topic, answer, timeout)
        self._since: End | None = None
        self._sent_since: dict[str, Bound] = {}

    def add_data(
        self,
        topic: str,
        messages: Iterable[Any],
        *,
        key_serializer: Serializer | None = None,
        value_serializer: Serializer | None = None,
    ) -> None:
        if isinstance(topic, str) and topic not in self._sent_since:
            self._note_end(topic)
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
        """Check that the sink has received each record once since the run began.

        No record may be there twice or be missing, and none may be there that nobody
        sent.

        This is for jobs that write one record for each that they read. For others, pass
        `expected`. If the query is running, the check waits until everything that was
        sent is processed and no batch is due. After `stop`, after a crash, and with a
        clock, it looks at the sink as it is.

        Example:
            with run.crash("after_sink"):
                run.add_data("in", [("a", {"id": 7})])
            run.start()
            run.check_exactly_once(key="id")

        Args:
            expected: the identities that must be there, each as often as it is given.
                Default: those of the records that were in the topics `run_stream` was
                to read when it began, and that `add_data` has sent.
            key: what identifies a record, both in what was sent and in the sink. It is
                `"key"`, `"value"`, the name of a field of JSON values or of a column of
                rows, or a function that takes a `Record` or a row.
            key_deserializer, value_deserializer: the deserializers for topics (see
                `KafkaUtils.get_all_records`).

        Raises:
            WaitError: (an AssertionError) the message lists what was written twice and
                what was never written, by key, partition and offset.
            ValueError: a record has no such field, or nothing is known to have been
                sent.
            TypeError: an invalid argument, or it is not known what the query writes to.
        """
        if not callable(key):
            _arguments.text("key", key)
        if isinstance(expected, (str, bytes)):
            raise TypeError("expected must be a list of identities, not text")
        deserializers = key_deserializer, value_deserializer
        rows = self._sink_rows()
        wanted = (
            self._sent(key, deserializers)
            if expected is None
            else [Sighting(identity) for identity in expected]
        )
        with waiting("check_exactly_once"):
            self._is_at_rest(batches=RESTLESS_BATCHES)
        if rows is None:
            assert self._topic is not None
            since: Bound = "earliest"
            if isinstance(self._since, dict):
                since = self._since
            written = list(self._records(self._topic, since, key, deserializers))
        else:
            written = [Sighting(_of_row(row, key)) for row in rows.read([])]
        found = differences(wanted, written)
        if found.count:
            raise WaitError(self._told(found), query=self.query)

    def _sent(
        self, key: Key, deserializers: tuple[Deserializer, Deserializer]
    ) -> list[Sighting]:
        sent = [
            sighting
            for topic, since in self._sent_since.items()
            if topic != self._topic
            for sighting in self._records(topic, since, key, deserializers)
        ]
        if not sent:
            raise ValueError(
                "The kit does not know what was sent to the stream. Send with "
                "add_data(), or say what to expect: check_exactly_once(expected=[...])."
            )
        return sent

    def _sink_rows(self) -> RowsAnswer | None:
        """The reader of the sink's rows, or None if the sink is a topic.

        Raises:
            TypeError: it is not known where it writes to.
        """
        if self._topic is not None:
            return None
        return RowsAnswer(self._given_rows or self._rows(), self._since)

    def _records(
        self,
        topic: str,
        since: Bound,
        key: Key,
        deserializers: tuple[Deserializer, Deserializer],
    ) -> Iterator[Sighting]:
        # the parts that are not compared may be any bytes
        used = (deserializers[0], "BINARY") if key == "key" else deserializers
        used = ("BINARY", used[1]) if isinstance(key, str) and key != "key" else used
        client = self._cluster.client_for(topic, self._session())
        decoder = Decoder(topic, *used)
        for record in read_records(client, ReadRequest(topic, since), decoder):
            identity = _of_record(record, key)
            yield Sighting(identity, topic, record.partition, record.offset)

    def _told(self, found: Differences) -> str:
        first, more = found.lines[0], found.count - 1
        advice = []
        if found.repeated:
            advice.append(OF_OTHERS if self._topic is None else OF_KAFKA)
        elif found.strange:
            advice.append(OF_STRANGERS)
        elif self._is_dead_as_expected():
            advice += self._why_at_rest()
        else:
            advice.append(OF_LOSSES)
        listed = [f"  {line}" for line in found.lines] if more else []
        sink = [] if self._topic is None else [f"  sink: topic {self._topic!r}"]
        headline = f"Not exactly once: {first}{f', and {more} more' if more else ''}"
        return "\n".join([headline, *advice, *listed, *sink])

    def _begin_checks(self) -> None:
        super()._begin_checks()
        if self._since is None:
            self._since = self._checked
        for topic, since in self._first_offsets().items():
            if since == "latest":
                self._note_end(topic)
            else:
                self._sent_since.setdefault(topic, since)

    def _first_offsets(self) -> dict[str, Bound]:
        """Where the query starts to read its topics, if known before it starts."""
        return {}

    def _note_end(self, topic: str) -> None:
        with suppress(UnknownTopicError, ValueError):  # which is reported elsewhere
            self._sent_since.setdefault(topic, self._cluster.ends(topic))


def first_offsets(
    planned: Iterable[Source], servers: str, checkpoint: str | None
) -> dict[str, Bound]:
    """Where a query will start to read the topics that it names.

    Its checkpoint says so, or else its sources.
    """
    if checkpoint is not None:
        with suppress(ValueError):  # the checkpoint is on another machine
            folder = _arguments.local_folder("checkpoint", checkpoint)
            sources = committed_sources(folder) or []
            reached = {
                t: offsets for one in sources for t, offsets in one.reached.items()
            }
            if reached:
                return {**reached}
    return {
        topic: "earliest" if source.starting == "earliest" else "latest"
        for source in planned
        if source.starting in ("earliest", "latest")
        for topic in named_topics([source], servers)
    }


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
