"""`prepare`: everything that first starts would fetch and record."""

from __future__ import annotations

import logging
import subprocess
import time

import click

from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.jars import broker_version
from spark_kafka_testkit._jvm.own_helper import stop_own_helper
from spark_kafka_testkit._spark.archive import start_recorder
from spark_kafka_testkit._spark.conf import archive_of, plan
from spark_kafka_testkit.cli._output import json_option, say
from spark_kafka_testkit.errors import KafkaTestkitError
from spark_kafka_testkit.kafka_utils import KafkaUtils

__all__ = ["prepare"]

log = logging.getLogger("spark_kafka_testkit")

TOPIC = "prepare"


@click.command(short_help="Fetch jars and record archives, for quick starts.")
@json_option
def prepare(is_json: bool) -> None:
    """Fetch the jars that the kit needs, and record class archives.

    Run it for a CI's image or cache: then runs fetch nothing, and the first one already
    starts quickly. It keeps what is there.
    """
    with KafkaUtils(backend="embedded") as kafka:
        kafka.send_messages(TOPIC, [("k", "v")])  # archives contain what this uses
        kafka.get_all_records(None, TOPIC)
        client = kafka.client
    stop_own_helper()
    broker = f"Kafka {broker_version()}, from a class archive"
    name, spark = f"Spark {installed_spark().spark}", _sparks_archive()
    say(
        is_json,
        {"broker": broker, "records": client, name: spark},
        f"broker: {broker}",
        f"records: through {client}",
        f"{name}: {spark}",
    )


def _sparks_archive() -> str:
    """The state of Spark's archive, which is recorded if it does not exist.

    Raises:
        KafkaTestkitError: it was not recorded.
    """
    settings, archive = plan({"spark.master": "local[2]"})
    if archive is None or archive.obstacle:
        obstacle = archive.obstacle if archive else "its jars or options are yours"
        return f"without a class archive: {obstacle}"
    if archive.flags:
        return "from a class archive"
    begun = time.monotonic()
    output = None if log.isEnabledFor(logging.INFO) else subprocess.DEVNULL
    start_recorder(settings, output).wait()
    if not archive_of(settings).flags:
        raise KafkaTestkitError(
            "No class archive of Spark was recorded: another process is recording one, "
            "or the recording failed.",
            "Try again with -v, which shows Spark's output.",
        )
    return f"from a class archive, recorded in {time.monotonic() - begun:.0f} s"
