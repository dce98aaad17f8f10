"""`up`, `down`, `status`: a broker that stays, and a Spark."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from spark_kafka_testkit import _arguments, _clock
from spark_kafka_testkit._brokers.broker import (
    BACKEND_ENV,
    BOOTSTRAP_ENV,
    BrokerSettings,
)
from spark_kafka_testkit._brokers.kept.keep import keep
from spark_kafka_testkit._brokers.kept.lease import BrokerFile, BrokerLease
from spark_kafka_testkit._exercise import exercise
from spark_kafka_testkit._kept.keep import end
from spark_kafka_testkit._kept.lease import (
    Lease,
    LeaseFile,
    Unclear,
    all_leases,
    running,
)
from spark_kafka_testkit._kept.reuse import REUSE_ENV
from spark_kafka_testkit._progress import working
from spark_kafka_testkit._spark.kept import use as kept_spark
from spark_kafka_testkit._spark.kept.lease import SparkFile, SparkLease
from spark_kafka_testkit._text import shown
from spark_kafka_testkit.cli._output import (
    NO_BROKER,
    by_rule,
    columns,
    json_option,
    say,
)
from spark_kafka_testkit.cli._settings import unknown_setting
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = ["COMMANDS", "seconds_of"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_DAYS = 36_500
NOTHING = (
    "No broker and no Spark is up. Start a broker with: spark-kafka-testkit up. Start "
    "both with: spark-kafka-testkit up --spark"
)


def seconds_of(text: str) -> float | None:
    """`90s`, `30m`, `8h` or `2d` in seconds, or None if it is not such a time.

    Raises:
        click.BadParameter: a time that is too long.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd])", text)
    if match is None:
        return None
    seconds = float(match[1]) * UNITS[match[2]]
    if seconds > LONGEST_DAYS * UNITS["d"]:
        raise click.BadParameter(
            f"{shown(text)} is too long. Write {LONGEST_DAYS}d at most"
        )
    return seconds


def _to_seconds(text: str) -> float:
    seconds = seconds_of(text)
    if not seconds:
        raise click.BadParameter(
            f"{shown(text)} is not a duration. Write 90s, 30m, 8h or 2d"
        )
    return seconds


def _to_setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
    if not _arguments.is_encodable(text):
        raise click.BadParameter(f"{shown(name)} must be text that UTF-8 can encode")
    return name, value


def _as_setting(field: str) -> Callable[[str], str]:
    """A click type for what this field of `BrokerSettings` accepts."""

    def convert(text: str) -> str:
        try:
            BrokerSettings(**{field: text})  # type: ignore[arg-type]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        return text

    return convert


@click.command(short_help="Start a broker that stays, or find the running one.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "container", "embedded"]),
    default="auto",
    envvar=BACKEND_ENV,
    show_default=True,
    show_envvar=True,
    help="auto: a container if a Docker daemon answers, else the embedded broker.",
)
@click.option(
    "--image",
    type=_as_setting("image"),
    metavar="NAME",
    help="Use this Docker image instead of Confluent's.",
)
@click.option(
    "--kafka-version",
    type=_as_setting("kafka_version"),
    metavar="TAG",
    default="7.4.0",
    show_default=True,
    help="Version of Confluent's image.",
)
@click.option(
    "--config",
    "broker_config",
    type=_to_setting,
    metavar="NAME=VALUE",
    multiple=True,
    help="A Kafka setting. Can be repeated.",
)
@click.option(
    "--for",
    "seconds",
    type=_to_seconds,
    default="8h",
    show_default=True,
    metavar="TIME",
    help="How long to keep it after its last use.",
)
@click.option(
    "--spark",
    "is_spark",
    is_flag=True,
    help="Also keep a Spark, for test runs in this working directory.",
)
@click.option(
    "--spark-conf",
    "spark_conf",
    type=_to_setting,
    metavar="NAME=VALUE",
    multiple=True,
    help="With --spark: a setting of its JVM, such as spark.driver.memory=2g. Can be "
    "repeated.",
)
@json_option
def up(
    backend: Any,
    image: str | None,
    kafka_version: str,
    broker_config: tuple[tuple[str, str], ...],
    seconds: float,
    is_spark: bool,
    spark_conf: tuple[tuple[str, str], ...],
    is_json: bool,
) -> None:
    """Start a broker that stays, or find the one with the same settings.

    Test runs use it with KafkaUtils(reuse=True) and the same settings, or with
    SPARK_KAFKA_TESTKIT_REUSE=1 in their environment. A run removes the topics that
    it creates.

    With --spark, a Spark JVM stays too. Runs in this working directory, with this
    environment, create their sessions there, one run at a time.
    """
    if spark_conf and not is_spark:
        raise click.UsageError("--spark-conf is for a kept Spark. Add --spark.")
    settings = BrokerSettings(
        kafka_version=kafka_version, image=image, broker_config=dict(broker_config)
    )
    # what other images have is not known
    is_known = image is None and kafka_version == BrokerSettings.kafka_version
    if is_known and (problem := unknown_setting(settings.broker_config)):
        raise click.BadParameter(problem, param_hint="'--config'")
    running(BrokerFile)  # warns of state files that can't be understood
    lease, was_up = keep(backend, settings, seconds)
    facts = {**_facts(lease), "found": was_up}
    lines = [
        f"{lease.description} ({'was up already' if was_up else 'started'})",
        f"Test runs use it with {REUSE_ENV}=1, or KafkaUtils(reuse=True).",
        f"Other programs use it with: export {BOOTSTRAP_ENV}={lease.address}",
    ]
    if is_spark:
        spark, how = kept_spark.keep(dict(spark_conf), seconds)
        if how != "found":
            _warm_up(lease, dict(spark_conf))
        facts["spark"] = {**_facts(spark), "found": how == "found"}
        how = "was up already" if how == "found" else how
        lines += [
            f"{spark.description} ({how})",
            f"Test runs there use it with {REUSE_ENV}=1: kafka_spark, KafkaTestMixin, "
            "KafkaUtils.spark_session().",
        ]
    end_of = "Each ends" if is_spark else "It ends"
    say(
        is_json,
        facts,
        *lines,
        f"{end_of} {_time(lease.seconds)} after its last use, or with: "
        "spark-kafka-testkit down",
    )


def _warm_up(broker: BrokerLease, spark_conf: dict[str, str]) -> None:
    """Do what a first run would wait for, as a run of its own."""
    kafka = KafkaUtils(
        bootstrap_servers=broker.address, topic_prefix=f"warm-up-{os.getpid()}-"
    )
    use = kept_spark.take(spark_conf)
    if use is None or use.lease is None:
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    start = "Running a first stream in it, which no test then waits for"
    with working(start, "Ran it"), tempfile.TemporaryDirectory() as folder:
        spark = KafkaUtils.spark_session(use.settings)
        exercise(spark, kafka, Path(folder))
        spark.stop()


@click.command(short_help="End the brokers and Sparks that are up.")
@click.argument(
    "address", required=False, type=by_rule(_arguments.addresses, "the address")
)
@click.option("--force", is_flag=True, help="Also end what a test run is using.")
@json_option
def down(address: str | None, force: bool, is_json: bool) -> None:
    """End the brokers and Sparks that are up, except those that a test run is using.

    With an ADDRESS, as `status` shows it, end only the broker there.
    """
    ended: list[Lease | Unclear] = []
    used: list[str] = []
    for place, lease in _all() if address is None else _at(address):
        lease_file = place(lease.key)
        user = "" if force else lease_file.seen_user()
        if user:
            used.append(f"{_described(lease)} is in use by {user}.")
        else:
            end(lease_file, lease)
            ended.append(lease)
    lines = [f"ended: {_described(lease)}" for lease in ended]
    if not used:
        lines = lines or ["No broker and no Spark was up."]
    say(is_json, [_facts(lease) for lease in ended], *lines)
    if used:
        words = ["down", address or "", "--force"]
        command = " ".join(["spark-kafka-testkit", *filter(None, words)])
        raise click.ClickException("\n".join([*used, f"End it with: {command}"]))


def _all() -> list[tuple[Callable[[str], LeaseFile[Any]], Lease | Unclear]]:
    return [(place, lease) for place in PLACES for lease in all_leases(place)]


def _at(address: str) -> list[tuple[Callable[[str], LeaseFile[Any]], Lease]]:
    leases = running(BrokerFile)
    for lease in leases:
        if lease.address == address:
            return [(BrokerFile, lease)]
    there = ", ".join(lease.address for lease in leases)
    raise click.ClickException(
        f"No broker started by `up` is at {address}. "
        + (f"Up are: {there}." if there else "None is up.")
    )


def _described(lease: Lease | Unclear) -> str:
    return lease.description if isinstance(lease, Lease) else str(lease)


@click.command(short_help="Show the brokers and Sparks that are up.")
@json_option
@click.pass_context
def status(ctx: click.Context, is_json: bool) -> None:
    """Show the brokers and Sparks that are up. Exit with 3 if there are none."""
    facts: list[dict[str, Any]] = []
    lines: list[str] = []
    for place, (header, cells) in PLACES.items():
        rows = []
        for lease in running(place):
            lease_file = place(lease.key)
            user = lease_file.seen_user()
            up_for = _clock.now() - lease.started
            ends_in = lease.seconds - lease_file.idle_seconds()
            facts.append(
                {
                    **_facts(lease),
                    "up_for_seconds": round(up_for),
                    "ends_in_seconds": round(ends_in),
                    "in_use": bool(user),
                    "user": user or None,
                }
            )
            rows.append(
                [
                    *cells(lease),
                    _time(up_for),
                    _time(ends_in),
                    str(lease.pid),
                    f"by {user}" if user else "free",
                ]
            )
        if rows:
            lines += columns([*header, *COLUMNS], rows)
    say(is_json, facts, *(lines or [NOTHING]))
    if not facts:
        ctx.exit(NO_BROKER)


COLUMNS = ("UP FOR", "ENDS IN", "KEEPER", "USE")
PLACES: dict[Callable[[str], LeaseFile[Any]], Any] = {
    BrokerFile: (("ADDRESS", "BROKER"), lambda lease: [lease.address, lease.name]),
    SparkFile: (("FOLDER", "SPARK"), lambda lease: [lease.working_folder, lease.name]),
}


def _facts(lease: Lease | Unclear) -> dict[str, Any]:
    if isinstance(lease, Unclear):
        return {"state_file": str(lease.file), "problem": lease.reason}
    facts = {**asdict(lease), "description": lease.description}
    if isinstance(lease, BrokerLease):
        facts["bootstrap_servers"] = facts.pop("address")
    if isinstance(lease, SparkLease):
        facts["kind"] = "spark"
        for name in ("secret", "port", "facts"):  # whoever may use it finds them anyway
            del facts[name]
    facts["started"] = datetime.fromtimestamp(lease.started, timezone.utc).isoformat(
        timespec="seconds"
    )
    return facts


def _time(seconds: float) -> str:
    """Seconds in their largest unit, and in the next smaller one: `1 h 40 m`."""
    left, parts = max(0, round(seconds)), []
    for name, size in reversed(UNITS.items()):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
        if parts and (len(parts) == 2 or not count):
            break
    return " ".join(parts) or "0 s"


COMMANDS = (up, down, status)
