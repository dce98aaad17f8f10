"""`topics`, `create`, `delete`: the topics of a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._kafka_python.admin import Admin
from spark_kafka_testkit._kafka_python.compat import reaching
from spark_kafka_testkit._kafka_python.topics import create_topics, delete_topics
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit.cli._errors import unknown_topic
from spark_kafka_testkit.cli._output import (
    address_option,
    broker_address,
    columns,
    json_option,
    say,
    topic_type,
)

__all__ = ["COMMANDS"]


@click.command(short_help="List topics, or their partitions.")
@click.argument("names", metavar="[TOPIC]...", nargs=-1, type=topic_type)
@address_option
@json_option
def topics(names: tuple[str, ...], address: str | None, is_json: bool) -> None:
    """List the topics, or show the offsets of each partition of the topics named."""
    with _admin(address) as admin:
        there = admin.topic_names()
        if unknown := [name for name in names if name not in there]:
            raise click.ClickException(unknown_topic(unknown[0], there))
        asked = list(names) or [name for name in there if not name.startswith("__")]
        known, offsets = admin.offsets_of_existing(asked)
    facts: list[dict[str, Any]] = [
        {
            "topic": topic,
            "partition": partition,
            "beginning": at.beginning,
            "end": at.end,
            "stable": at.stable,
        }
        for (topic, partition), at in offsets.items()
    ]
    if names:
        header = ["TOPIC", "PARTITION", "BEGINNING", "END", "STABLE"]
        rows = [list(fact.values()) for fact in facts]
    else:
        header = ["TOPIC", "PARTITIONS", "OFFSETS"]
        rows = [
            [name, len(spans), sum(spans)]
            for name in sorted(known)
            for spans in [
                [f["end"] - f["beginning"] for f in facts if f["topic"] == name]
            ]
        ]
    say(is_json, facts, *(columns(header, rows) if rows else ["There are no topics."]))


@click.command(short_help="Create topics.")
@click.argument("names", metavar="TOPIC...", nargs=-1, required=True, type=topic_type)
@click.option(
    "-p",
    "--partitions",
    type=click.IntRange(1, _arguments.INT_MAX),
    metavar="N",
    default=1,
    show_default=True,
    help="Partitions of each topic.",
)
@address_option
@json_option
def create(
    names: tuple[str, ...], partitions: int, address: str | None, is_json: bool
) -> None:
    """Create topics, and wait until they can be used.

    A topic that already exists with as many partitions stays as it is.
    """
    created: set[str] = set()
    with _admin(address, may_write=True) as admin:
        create_topics(admin, names, partitions, 1, created=created)
    facts = [
        {"topic": name, "partitions": partitions, "created": name in created}
        for name in dict.fromkeys(names)
    ]
    say(
        is_json,
        facts,
        *(
            f"{'created' if fact['created'] else 'was there already'}: {fact['topic']}"
            for fact in facts
        ),
    )


@click.command(short_help="Delete topics.")
@click.argument("names", metavar="TOPIC...", nargs=-1, required=True, type=topic_type)
@address_option
@json_option
def delete(names: tuple[str, ...], address: str | None, is_json: bool) -> None:
    """Delete topics, and wait until they are gone.

    If one of them does not exist, none is deleted.
    """
    with _admin(address) as admin:
        there = admin.topic_names()
        for name in names:
            if name not in there:
                raise click.ClickException(
                    f"Topic {name!r} does not exist, so nothing was "
                    f"deleted.{did_you_mean(name, there)}"
                )
        delete_topics(admin, names)
    deleted = list(dict.fromkeys(names))
    say(is_json, deleted, *(f"deleted: {name}" for name in deleted))


@contextmanager
def _admin(address: str | None, may_write: bool = False) -> Iterator[Admin]:
    bootstrap_servers, _ = broker_address(address, may_write)
    config = ClientConfig(bootstrap_servers)
    with reaching(config), Admin(config) as admin:
        yield admin


COMMANDS = (topics, create, delete)
