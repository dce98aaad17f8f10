"""The kit's own processes in environments that do their JVMs no good."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit.errors import BrokerStartError
from tests.processes import HANG_SECONDS
from tests.systems import run_python, small

WORK = """
from spark_kafka_testkit import KafkaUtils
with KafkaUtils(backend="embedded") as kafka:
    kafka.create_topics(["t"])
    kafka.send_messages("t", [("k", "v")])
    assert kafka.get_all_records(None, "t") == {"k": "v"}
    print("records by", kafka.client)
"""
SPARK = """
import os

def test_spark(kafka_spark, kafka_utils, kafka_topic):
    assert "SPARK_LOCAL_HOSTNAME" not in os.environ
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    source = kafka_spark.read.format("kafka").options(**kafka_utils.spark_options())
    assert source.option("subscribe", kafka_topic).load().count() == 1
"""
AGENT = """
public class Agent {
    public static void premain(String arguments) {
        System.out.println("The agent is here.");
    }
}
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of loopback that is in use."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def debugger(port: int) -> str:
    address = f"server=y,suspend=y,address=127.0.0.1:{port}"
    return f"-agentlib:jdwp=transport=dt_socket,{address}"


def work(before: str = "", **environment: str) -> None:
    """A process that has a broker and a helper of its own, and uses them."""
    done = subprocess.run(
        [sys.executable, "-c", before + WORK],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.stdout == "records by jvm\n", done.stdout + done.stderr


def test_the_kit_works_beside_another_collector_and_heap() -> None:
    """A JVM may also say more on stdout than a pipe holds. This variable comes after
    the command line.
    """
    work(_JAVA_OPTIONS="-XX:+UseG1GC -Xms1g -Xlog:class+load=info:stdout")


def test_the_kit_works_beside_a_debugger_and_with_ipv6_addresses(taken: int) -> None:
    """The debugger's port is in use already, by the user's own JVM for example."""
    options = f"{debugger(taken)} -Djava.net.preferIPv6Addresses=true"
    work(JAVA_TOOL_OPTIONS=options)


def test_the_kit_works_where_time_is_frozen_throughout() -> None:
    """Time is frozen when packages are first imported, too: pandas never returns from
    that if dates are not what they were.
    """
    work("from freezegun import freeze_time\nfreeze_time('2020-01-01').start()")


def test_an_agent_runs_in_the_kits_processes(tmp_path: Path) -> None:
    """It prints a greeting on their stdout."""
    if shutil.which("javac") is None:
        pytest.skip("no javac, which makes the agent")
    (tmp_path / "Agent.java").write_text(AGENT)
    subprocess.run(["javac", "Agent.java"], cwd=tmp_path, check=True)  # noqa: S607
    with zipfile.ZipFile(tmp_path / "agent.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Premain-Class: Agent\n")
        jar.write(tmp_path / "Agent.class", "Agent.class")
    work(JAVA_TOOL_OPTIONS=f"-javaagent:{tmp_path}/agent.jar")


def test_a_port_of_an_agent_is_not_taken_for_kafkas(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker starts once, and the text says whose port it was."""
    (tmp_path / "options").write_text(debugger(taken))
    monkeypatch.setenv("JDK_JAVA_OPTIONS", f"@{tmp_path}/options")
    with pytest.raises(BrokerStartError) as caught:
        EmbeddedBroker()
    first, second, *log = str(caught.value).splitlines()
    assert first.startswith(
        "The embedded broker did not start: its process ended with exit code "
    )
    assert first.endswith(". Its options from JDK_JAVA_OPTIONS may be the cause")
    assert second == "The end of its log:"
    assert "ERROR: transport error 202: bind failed: Address already in use" in log


def test_kafka_spark_starts_on_a_host_whose_name_does_not_resolve(
    tmp_path: Path,
) -> None:
    """The user has chosen a collector, too."""
    namespace = ["unshare", "--uts", "sh", "-c", 'hostname nowhere-at-all; exec "$@"']
    try:
        subprocess.run([*namespace, "sh", "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no host name of its own can be had for a process here")
    (tmp_path / "test_spark.py").write_text(SPARK)
    plugins = ["-p", "no:cacheprovider", "-p", "no:spark"]
    done = subprocess.run(
        [*namespace, "sh", sys.executable, "-m", "pytest", *plugins, str(tmp_path)],
        env={**os.environ, "JAVA_TOOL_OPTIONS": "-XX:+UseG1GC"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_without_asserts_is_reported_at_set_up() -> None:
    """kafka-python 3 can't read any answer then, and says that nobody answers."""
    code = """
        from spark_kafka_testkit import KafkaUtils
        try:
            KafkaUtils(bootstrap_servers="127.0.0.1:1").setup()
        except ImportError as error:
            print(error)
    """
    done = run_python(code, {**os.environ, "PYTHONOPTIMIZE": "1"})
    assert done.stdout == (
        "kafka-python 3 does not work here: Python runs with -O or PYTHONOPTIMIZE, "
        "which removes the asserts that it reads a broker's answers with. Run Python "
        "without them.\n"
    )


@pytest.mark.parametrize("size", ["64k", "40M"])
def test_a_disk_that_is_full_is_named(tmp_path: Path, size: str) -> None:
    """The broker ends then: at a first topic, or under a send, which has an account."""
    code = """
        from spark_kafka_testkit import KafkaUtils
        from spark_kafka_testkit.errors import BrokerEndedError, SendError
        kafka = KafkaUtils(backend="embedded")
        try:
            kafka.setup()
            kafka.create_topics(["t"])
            kafka.send_messages("t", [(None, bytes(10_000))] * 10_000)
        except SendError as error:
            print(error.acked > 0, error.acked + error.failed + error.unknown)
            print(error.given_up)
        except BrokerEndedError as error:
            print(error.how)
        kafka.teardown()
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = run_python(code, environment, *small(tmp_path, size))
    *account, how = done.stdout.splitlines()
    assert account in ([], ["True 10000"]), done.stdout
    assert (size == "64k") == (account == [])
    assert re.fullmatch(
        r"(the broker is gone: )?its process \(pid \d+\) ended with exit code 1\. Its "
        rf"data is in {re.escape(str(tmp_path))}, where [0-3]\.\d MB are left\. Set "
        r"TMPDIR to a folder with more room",
        how,
    ), done.stdout
