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
    """Check what the kit needs. Exit with 1 if something is wrong.

    Shows what was found of Spark and its Kafka connector, the Python packages, Java and
    Docker, the folders, and what is kept. Says what to do about each problem.
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
