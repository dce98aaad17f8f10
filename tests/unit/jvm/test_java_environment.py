"""Options that the environment gives to every JVM, and what of them ours take."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._jvm import java as _java
from spark_kafka_testkit._jvm.class_archive import ClassArchive
from spark_kafka_testkit._jvm.java import (
    VARIABLES,
    EnvironmentOptions,
    Java,
    drivers_options,
    names_collector,
)

DEBUGGER = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own environment is of no concern."""
    for name in (*VARIABLES, "SPARK_SUBMIT_OPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_java, "_told", set())


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("-XX:+UseG1GC -Dhttp.proxyHost=proxy", "-Dhttp.proxyHost=proxy"),
        ("-Xms1g -Xmx2g -Xmn100m -XX:MinHeapSize=1g -ea", "-ea"),
        ("-Xshare:off -XX:SharedArchiveFile=a -XX:AOTCache=a -XX:UseSVE=0", "-XX:UseSVE=0"),
        (f"{DEBUGGER} -javaagent:/opt/a.jar=x,y", "-javaagent:/opt/a.jar=x,y"),
        ("-Xdebug -Xrunjdwp:server=y -agentpath:/j/libjdwp.so=server=y", ""),
        ("-Dcom.sun.management.jmxremote.port=9010 -Da=b", "-Da=b"),
        ("""-Dstore="/a b/c" -XX:'+UseZGC' '-Dx=y z'""", """-Dstore="/a b/c" '-Dx=y z'"""),
        ("-Dstore='/no end -XX:+UseG1GC", "-Dstore='/no end -XX:+UseG1GC"),
    ],
)  # fmt: skip
def test_options_that_the_kits_jvms_decide_are_left_out(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, left: str
) -> None:
    """Truststores, proxies and agents stay, as they were written. The user's own
    environment is not touched.
    """
    monkeypatch.setenv(variable, given)
    assert EnvironmentOptions.read().environment[variable] == left
    assert os.environ[variable] == given


def test_options_are_kept_without_their_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come in the order of the variables; an archive is good for the same options
    only.
    """
    monkeypatch.setenv("_JAVA_OPTIONS", "-Dc=3")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "'-Da=1 2' -Xmx1g")
    options = EnvironmentOptions.read()
    assert options.kept == ("-Da=1 2", "-Dc=3")
    assert options.hint() == (
        ". Its options from JAVA_TOOL_OPTIONS and _JAVA_OPTIONS may be the cause"
    )


def test_a_debugger_is_left_to_the_users_jvm_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is one line for the run, however many processes start."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", DEBUGGER)
    with caplog.at_level(logging.INFO, "spark_kafka_testkit"):
        EnvironmentOptions.read()
        EnvironmentOptions.read()
    assert caplog.messages == [
        f"the kit's own JVMs start without {DEBUGGER}, which is left to your own JVM, as "
        "is its port"
    ]


@pytest.mark.parametrize(
    "agent",
    [
        "-javaagent:a.jar",
        "-agentlib:a=b",
        "-agentpath:/a.so",
        "-Xruna",
        "@/options/that/may/have/one",
    ],
)
def test_there_is_no_archive_beside_an_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    """Java 17 refuses to start with both."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path))
    java = Java(Path("java"), "17.0.15")
    archive = ClassArchive("broker", java, ["-Da=b", agent], [])
    assert archive.flags == []
    archive.end(is_whole=True)
    assert ClassArchive("broker", java, ["-Da=b"], []).flags


@pytest.mark.parametrize("variable", [*VARIABLES, "SPARK_SUBMIT_OPTS"])
def test_sparks_driver_gets_no_second_collector(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The serial one is for those who chose none; one that is switched off is none."""
    name = "spark.driver.extraJavaOptions"
    assert "-XX:+UseSerialGC" in KafkaUtils.spark_conf()[name]
    monkeypatch.setenv(variable, "-Da=b -XX:-UseG1GC")
    assert not names_collector(drivers_options())
    monkeypatch.setenv(variable, "-Da=b -XX:+UseG1GC")
    assert "-XX:+UseSerialGC" not in KafkaUtils.spark_conf().get(name, "")
