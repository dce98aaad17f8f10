"""`doctor`: what is set up here, and what to do about the rest."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from spark_kafka_testkit._brokers.broker import BOOTSTRAP_ENV
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit.cli._output import json_option, say
from spark_kafka_testkit.preflight import check

__all__ = ["doctor"]


@click.command(short_help="Check what the kit needs.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, is_json: bool) -> None:
    """Check what the kit needs; exit with 1 where something is wrong.

    Spark and its Kafka connector, the packages, Java and Docker for a broker, the
    folders, what is kept: what was seen of each, and what to do where it does not fit.
    """
    address = os.environ.get(BOOTSTRAP_ENV)
    findings = check(config=ClientConfig(address) if address else None)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.subject}: {finding.seen}")
        if finding.advice:
            lines += [f"{'':9}{line}" for line in finding.advice.splitlines()]
    say(is_json, [asdict(finding) for finding in findings], *lines)
    if any(finding.state == "error" for finding in findings):
        ctx.exit(1)
