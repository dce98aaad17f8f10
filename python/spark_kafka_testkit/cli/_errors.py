"""Texts of errors for a shell, whose advice names commands and options."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

import click

from spark_kafka_testkit._text import did_you_mean
from spark_kafka_testkit.cli._output import ADDRESS
from spark_kafka_testkit.errors import (
    BrokerEndedError,
    DeserializationError,
    RecordsDeletedError,
    SendError,
    TopicExistsError,
    UnknownTopicError,
)

__all__ = ["told", "unknown_topic"]


@singledispatch
def told(error: Exception) -> str:
    """The text of an error. The error's own advice is for callers in Python."""
    return str(error)


@told.register
def _(error: UnknownTopicError) -> str:
    return unknown_topic(error.topic)


@told.register
def _(error: TopicExistsError) -> str:
    return (
        f"{error.problem} Use another name, or delete it first: "
        f"{_command('delete', error.topic)}"
    )


@told.register
def _(error: SendError) -> str:
    return error.account()


@told.register
def _(error: RecordsDeletedError) -> str:
    return (
        f"{error.problem} Read what is left with --from earliest, or keep the records "
        "longer (retention.ms, retention.bytes)."
    )


@told.register
def _(error: DeserializationError) -> str:
    return f"{error.problem} Give another --{error.field}-deserializer."


@told.register
def _(error: BrokerEndedError) -> str:
    log = f"\nThe end of its log:\n{error.log}" if error.log else ""
    return f"{error.problem} Run the command again.{log}"


def unknown_topic(name: str, names: Iterable[str] = ()) -> str:
    """The message that a topic does not exist.

    Args:
        name: the topic.
        names: the existing topics.
    """
    meant = did_you_mean(name, names)
    how = f" Create it with: {_command('create', name)}"
    return f"Topic {name!r} does not exist.{meant or how}"


def _command(name: str, topic: str) -> str:
    address = click.get_current_context().meta.get(ADDRESS)
    options = f" -b {address}" if address else ""
    return f"spark-kafka-testkit {name} {topic}{options}"
