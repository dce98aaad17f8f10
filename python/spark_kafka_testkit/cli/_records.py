"""`produce`, `read`: records in and out."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._arrow.encode import batches
from spark_kafka_testkit._brokers.external import ExternalBroker
from spark_kafka_testkit._cluster import Cluster
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.offsets import to_millis
from spark_kafka_testkit._model.send_report import add_note
from spark_kafka_testkit._network import is_listening
from spark_kafka_testkit._reads.results import RecordStream, read_request
from spark_kafka_testkit._text import readable, shown
from spark_kafka_testkit.cli._brokers import seconds_of
from spark_kafka_testkit.cli._errors import unknown_topic
from spark_kafka_testkit.cli._files import FORMATS, format_of, open_source
from spark_kafka_testkit.cli._output import (
    address_option,
    as_json,
    broker_address,
    by_rule,
    json_option,
    rate,
    say,
    topic_type,
    watched,
)
from spark_kafka_testkit.errors import KafkaTestkitError, UnknownTopicError
from spark_kafka_testkit.serde import DESERIALIZERS

if TYPE_CHECKING:
    import pyarrow as pa

    from spark_kafka_testkit._arrow.decoder import Decoder
    from spark_kafka_testkit._clients.protocol import Client
    from spark_kafka_testkit._model.offsets import Bound, ReadRequest
    from spark_kafka_testkit._model.records import Record

__all__ = ["COMMANDS"]

FLUSH_RECORDS = 1000
TERMINATED = 128 + signal.SIGTERM
NARROW = 80
LOOK_SECONDS = 10.0


@click.command(short_help="Send a file to a topic.")
@click.argument("topic", type=topic_type)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="Default: from the file's name, lines for a pipe. A row of a table becomes a "
    "JSON object. Records are what `read --json` prints.",
)
@click.option(
    "-k",
    "--key",
    type=by_rule(_arguments.text, "the key"),
    metavar="TEXT",
    help="The field or column with the key. For lines, the separator after the key.",
)
@click.option("--text", "is_text", is_flag=True, help="CSV: read all values as text.")
@click.option(
    "-p",
    "--partitions",
    type=click.IntRange(1, _arguments.INT_MAX),
    metavar="N",
    help="Create the topic with this many partitions if it is missing. Default on a "
    "broker that is up: 1.",
)
@click.option(
    "--transactional",
    is_flag=True,
    help="Send everything in one transaction, or nothing.",
)
@address_option
@json_option
def produce(
    topic: str,
    file: str,
    kind: str | None,
    key: str | None,
    is_text: bool,
    partitions: int | None,
    transactional: bool,
    address: str | None,
    is_json: bool,
) -> None:
    """Send FILE (- for stdin) to a topic, and wait until all of it is acknowledged."""
    source = open_source(file, kind or format_of(file), key, is_text)
    bootstrap_servers, is_kept = broker_address(address, may_write=True)
    messages = batches(source.messages)
    with _cluster(bootstrap_servers) as cluster:
        if is_kept or partitions:
            cluster.ensure_topic(topic, partitions or 1)
        started = _clock.monotonic()
        if transactional:  # this aborts it, as an interrupt does
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
        with watched("sending", source.size, source.position) as add:
            drawn = _counted(messages, add)
            written = cluster.send(topic, drawn, transactional)
        seconds = _clock.monotonic() - started
    sent = sum(part.count for part in written.values())
    partitions_written = {number: asdict(part) for number, part in written.items()}
    say(
        is_json,
        {"topic": topic, "sent": sent, "partitions": partitions_written},
        f"sent {rate(sent, seconds)} to {topic}",
        *(
            f"  partition {number}: {part.count:,}, offsets {part.first} to {part.last}"
            for number, part in sorted(written.items())
        ),
    )


def _counted(reader: pa.RecordBatchReader, add: Any) -> pa.RecordBatchReader:
    import pyarrow as pa

    def draw() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            yield batch
            add(batch.num_rows)

    return pa.RecordBatchReader.from_batches(reader.schema, draw())


def _to_bound(text: str) -> Bound:
    if text in ("earliest", "latest"):
        return "earliest" if text == "earliest" else "latest"
    try:
        if (age := seconds_of(text)) is not None:
            moment = datetime.now(timezone.utc) - timedelta(seconds=age)
        elif "=" in text:
            pairs = (pair.split("=") for pair in text.split(","))
            return {int(number): int(offset) for number, offset in pairs}
        else:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise click.BadParameter(
            f"{shown(text)} is not a position in a topic. Write earliest, latest, a "
            "time (2026-01-31T12:00), an age (15m) or offsets (0=5,1=7)"
        ) from error
    try:
        return to_millis(shown(text), moment)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(short_help="Print the records of a topic.")
@click.argument("topic", type=topic_type)
@click.option("--follow", is_flag=True, help="Keep printing new records, until Ctrl-C.")
@click.option(
    "--from",
    "start",
    type=_to_bound,
    default="earliest",
    show_default=True,
    metavar="POINT",
    help="earliest, latest, a time (2026-01-31T12:00), an age (15m: nothing older), or "
    "offsets (0=5,1=7).",
)
@click.option(
    "--to",
    "end",
    type=_to_bound,
    metavar="POINT",
    help="Where to stop. Default: the end of the topic at this moment.",
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, sys.maxsize),
    metavar="N",
    help="Stop after this many records.",
)
@click.option(
    "--key-deserializer",
    type=click.Choice(list(DESERIALIZERS), case_sensitive=False),
    metavar="NAME",
    help=f"One of {', '.join(DESERIALIZERS)}. Default: text, else base64.",
)
@click.option(
    "--value-deserializer",
    type=click.Choice(list(DESERIALIZERS), case_sensitive=False),
    metavar="NAME",
    help="The same for values.",
)
@click.option(
    "--uncommitted",
    is_flag=True,
    help="Include records of open and aborted transactions.",
)
@click.option(
    "-k", "--key", metavar="TEXT", help="Only records with this key, as printed."
)
@click.option(
    "--json/--table",
    "is_json",
    default=None,
    help="JSON lines or columns. Default: columns on a terminal, cut to its width, "
    "else JSON lines.",
)
@click.option(
    "--value-only",
    "is_value_only",
    is_flag=True,
    help="Print only the values, one per line. A null is an empty line.",
)
@address_option
def read(
    topic: str,
    follow: bool,
    start: Bound,
    end: Bound | None,
    limit: int | None,
    key_deserializer: str | None,
    value_deserializer: str | None,
    uncommitted: bool,
    key: str | None,
    is_json: bool | None,
    is_value_only: bool,
    address: str | None,
) -> None:
    """Print the records of a topic, in order of offset within each partition."""
    if follow and end is not None:
        raise click.UsageError("--follow has no end. Leave out --to.")
    if is_value_only and is_json is not None:
        raise click.UsageError(
            "--value-only prints neither columns nor JSON. Give only one of them."
        )
    request, decoder = read_request(
        topic,
        start,
        "latest" if end is None else end,
        isolation="read_uncommitted" if uncommitted else "read_committed",
        key_deserializer=key_deserializer or readable,
        value_deserializer=value_deserializer or readable,
    )
    bootstrap_servers, _ = broker_address(address)
    if is_json is None:
        is_json = not sys.stdout.isatty()
    with _cluster(bootstrap_servers) as cluster:
        records = (_following if follow else _reading)(
            cluster.client(), request, decoder
        )
        if key is not None:
            records = (record for record in records if _printed(record.key) == key)
        line_of = _json_line if is_json else _columns_line
        if is_value_only:
            line_of = _value_line
        elif not is_json:
            click.echo(_columns("PARTITION", "OFFSET", "TIMESTAMP", "KEY", "VALUE"))
        _print(map(line_of, islice(records, limit)), flush_each=follow)


def _reading(
    client: Client, request: ReadRequest, decoder: Decoder
) -> Iterator[Record]:
    with RecordStream(client.read(request), decoder) as records:
        yield from records


def _following(
    client: Client, request: ReadRequest, decoder: Decoder
) -> Iterator[Record]:
    """The existing records, then new ones as they come."""
    with closing(client.follow(request)) as batches:
        for batch in batches:
            yield from decoder.records(batch)


def _print(lines: Iterable[str], flush_each: bool) -> None:
    for number, line in enumerate(lines, 1):
        sys.stdout.write(f"{line}\n")
        if flush_each or number % FLUSH_RECORDS == 0:
            sys.stdout.flush()
    sys.stdout.flush()


def _value_line(record: Record) -> str:
    return _printed(record.value) or ""


def _json_line(record: Record) -> str:
    return as_json(record._asdict())


def _columns_line(record: Record) -> str:
    return _columns(
        str(record.partition),
        str(record.offset),
        _time(record),
        _cell(record.key),
        _cell(record.value),
    )


def _time(record: Record) -> str:
    try:
        moment = record.datetime
    except ValueError:  # past the year 9999
        return str(record.timestamp)
    return moment.isoformat(timespec="milliseconds")[:23] if moment else "-"


def _columns(partition: str, offset: str, time: str, key: str, value: str) -> str:
    is_cut = sys.stdout.isatty()
    if is_cut and len(key) > 20:
        key = f"{key[:19]}…"
    line = f"{partition:>9}  {offset:>10}  {time:<23}  {key:<20}  {value}"
    if not is_cut:
        return line
    width = max(NARROW, shutil.get_terminal_size((NARROW, 24)).columns)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _cell(value: Any) -> str:
    """A key or value on one line, with null distinguished from text."""
    text = _printed(value)
    if text is None:
        return "(null)"
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _printed(value: Any) -> str | None:
    """A key or value as text, and anything but text as JSON."""
    return value if value is None or isinstance(value, str) else as_json(value)


@contextmanager
def _cluster(bootstrap_servers: str) -> Iterator[Cluster]:
    """The cluster. Its topics are left as they are.

    The exception is an empty topic that was created by a command which then fails. It
    is deleted.
    """
    cluster = Cluster(ExternalBroker(ClientConfig(bootstrap_servers)))
    try:
        yield cluster
        cluster.leave_topics()
    except UnknownTopicError as error:
        known = cluster.internal_or_not()
        raise click.ClickException(unknown_topic(error.topic, known)) from error
    except BaseException as error:
        for topic in list(cluster.created):
            if not is_listening(bootstrap_servers):
                cluster.leave_topics()
            elif not _is_empty(cluster, topic):
                cluster.leave_topics()
                add_note(error, f"Topic {topic!r} was created, and stays.")
        raise
    finally:
        cluster.close()


def _is_empty(cluster: Cluster, topic: str) -> bool:
    """Whether it is certain that a reader of the topic sees nothing."""
    request, decoder = read_request(topic, "earliest", "latest", timeout=LOOK_SECONDS)
    try:
        with RecordStream(cluster.client().read(request), decoder) as records:
            return next(records, None) is None
    except (KafkaTestkitError, OSError):
        return False


COMMANDS = (produce, read)
