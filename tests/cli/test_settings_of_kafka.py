"""`up --config`: names that Kafka does not know."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from spark_kafka_testkit._jvm.java import find_java
from spark_kafka_testkit.cli._settings import NAMES_FILE, unknown_setting
from tests.cli.conftest import ROOT, CommandLine

NONE = "Kafka has no setting %r."


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("num.partition", "num.partitions"),
        ("retention.ms", "log.retention.ms"),
        ("auto.create.topic.enable", "auto.create.topics.enable"),
        ("Num.Partitions", "num.partitions"),
        ("log.message.format", "log.message.format.version"),
        ("partitions", "num.partitions"),
        ("zookeepers", ""),
    ],
)
def test_a_name_that_kafka_does_not_know(run: Any, name: str, meant: str) -> None:
    """A similar one is asked for; no broker is started."""
    settings = ("--config", "node.id=1", "--config", f"{name}=3")
    code, lines = run("up", "--backend", "embedded", *settings)
    told = NONE % name + (f" Did you mean {meant!r}?" if meant else "")
    assert (code, lines[-1]) == (2, f"Error: Invalid value for '--config': {told}")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num.partitions": "3", "log.retention.ms": "1000"},
        {"listener.name.internal.sasl.enabled.mechanisms": "PLAIN"},
        {"inter.broker.protocol.version": "3.4", "zookeeper.connect": "z:2181"},
        {"confluent.support.metrics.enable": "false", "log4j.root.loglevel": "WARN"},
        {"heap.opts": "-Xmx1g", "spark.kafka.testkit.cluster.id": "x"},
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer."
            "StandardAuthorizer",
            "super.users": "User:admin",
            "allow.everyone.if.no.acl.found": "true",
        },
        {"metric.reporters": "com.example.Reporter", "example.level": "x"},
        {
            "listener.name.sasl.plain.sasl.jaas.config": "org.apache.kafka.common."
            'security.plain.PlainLoginModule required username="a";',
            "any.name": "1",
        },
    ],
)
def test_names_that_may_be_known(settings: dict[str, str]) -> None:
    """Kafka's own, old and new, those with a part of the user's, and any where a class
    may know it.
    """
    assert unknown_setting(settings) == ""


def test_other_images_have_names_of_their_own(run: Any) -> None:
    """They are not asked about; the broker fails for another reason here."""
    for option in (("--image", "example.invalid/x"), ("--kafka-version", "7.9.0")):
        args = ("up", "--backend", "container", *option, "--config", "my.name=1")
        code, lines = run(*args)
        assert (code, NONE % "my.name" in lines[-1]) == (1, False)


def test_the_names_are_those_of_the_embedded_kafka() -> None:
    """If not: ci/kafka-settings > python/spark_kafka_testkit/cli/kafka_settings.txt"""
    java = find_java().executable
    modules = subprocess.run(
        [java, "--list-modules"], check=True, stdout=subprocess.PIPE
    )
    if b"jdk.compiler" not in modules.stdout:
        pytest.skip("no JDK")
    script = [sys.executable, str(ROOT / "ci/kafka-settings")]
    printed = subprocess.run(script, check=True, stdout=subprocess.PIPE).stdout
    assert printed == NAMES_FILE.read_bytes()


def test_a_setting_that_kafka_knows_is_taken(command: CommandLine) -> None:
    """So is one with the name of a listener in it."""
    settings = ("num.partitions=3", "listener.name.any.ssl.client.auth=none")
    args = [word for setting in settings for word in ("--config", setting)]
    command.ok("up", "--backend", "embedded", *args)
    command.ok("down")
