"""The plugin with pytest-xdist: each worker has its own broker, which never stays."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.marked import Marked
from tests.plugin.conftest import CACHE, PLUGIN, Seen
from tests.processes import HANG_SECONDS

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"
)

READY_SECONDS = 200.0
TICK_SECONDS = 0.05
XDIST = (*PLUGIN, "-p", "xdist", "--kafka-backend=embedded")


@pytest.fixture
def marked(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Marked:
    """A mark by which to find everything that the inner runs start."""
    return Marked(tmp_path_factory.mktemp("marked") / "tmp", monkeypatch)


EVENTS = """
import os
import pytest


@pytest.mark.parametrize("number", range(16))
def test_events(number, kafka_utils, kafka_topic, worker_id):
    kafka_utils.create_topics(["events"])
    kafka_utils.send_messages("events", [(number, "v")])
    assert kafka_utils.get_all_records(None, "events") == {str(number): "v"}
    kafka_utils.delete_topics(["events"])
    assert f"-{worker_id}-" in kafka_topic
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{worker_id} {kafka_utils.broker}\\n")


def test_fails(kafka_utils, kafka_topic):
    assert False
"""


def test_tests_that_use_the_same_topic_name_do_not_meet(
    pytester: pytest.Pytester, marked: Marked, seen: Seen
) -> None:
    """Tests that pass without workers also pass with them.

    Each worker has a broker, which ends with the run.
    """
    pytester.makepyfile(EVENTS)
    result = pytester.runpytest_subprocess(*XDIST, "-n4", timeout=HANG_SECONDS)
    result.assert_outcomes(passed=16, failed=1, warnings=0)
    assert "DeprecationWarning" not in result.stderr.str()
    result.stdout.fnmatch_lines(
        [
            "Kafka *, embedded, at 127.0.0.1:*",
            "topic 'test_fails-gw?-*', offsets: partition 0: 0 to 0",
            "kafka: Kafka *, embedded, one for each of [234] workers, records through "
            "jvm",
        ]
    )
    pairs = {tuple(line) for line in seen.lines()}
    workers, brokers = (set(column) for column in zip(*pairs, strict=True))
    assert len(workers) > 1
    assert len(brokers) == len(pairs) == len(workers)
    assert marked.processes() == {}
    assert marked.files() == []


NO_KAFKA = "def test_without_kafka(): pass"


def test_without_kafka_nothing_is_started(
    pytester: pytest.Pytester, no_java: None
) -> None:
    """A worker starts its broker when a test requests it.

    If it can't, it says why.
    """
    pytester.makepyfile(NO_KAFKA)
    result = pytester.runpytest_subprocess(*XDIST, "-n2", "--kafka-require")
    result.assert_outcomes(passed=1)
    pytester.makepyfile("def test_with_a_broker(kafka_utils): pass")
    result = pytester.runpytest_subprocess(*XDIST, "-n2", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*no Kafka broker: JAVA_HOME is /nowhere*"])


BLOCKING = """
import os
import threading
import pytest


@pytest.mark.parametrize("number", range(4))
def test_blocks(number, kafka_utils, kafka_topic, worker_id, request):
    if worker_id == "gw0":
        spark = request.getfixturevalue("kafka_spark")
        kafka_utils.send_messages(kafka_topic, [("k", "v")])
        assert kafka_utils.get_all_records(spark, kafka_topic) == {"k": "v"}
    with open(os.path.join(os.environ["READY"], worker_id), "w") as ready:
        ready.write(kafka_utils.broker)
    threading.Event().wait()
"""


def test_a_killed_controller_leaves_nothing(
    pytester: pytest.Pytester,
    marked: Marked,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It is killed in the middle of four tests.

    The brokers, the workers, Spark's JVM and their files disappear.
    """
    monkeypatch.setenv("READY", str(tmp_path))
    pytester.makepyfile(BLOCKING)
    controller = subprocess.Popen(
        [sys.executable, "-m", "pytest", *XDIST, "-n4"],
        cwd=pytester.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while len(list(tmp_path.glob("gw*"))) < 4:
            assert controller.poll() is None
            assert time.monotonic() < deadline, marked.processes()
            time.sleep(TICK_SECONDS)
        commands = marked.processes().values()
        assert sum("testkit.broker.Main" in command for command in commands) == 4
        assert sum("SparkSubmit" in command for command in commands) == 1
        assert len(commands) == 10  # the others are the controller and four workers
    finally:
        controller.kill()
        controller.wait()
    marked.await_gone()


DYING = """
import os
import signal
import pytest


@pytest.mark.parametrize("number", range(8))
def test_kills_its_worker(number, kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{kafka_utils.broker}\\n")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_worker_leaves_nothing_and_the_others_their_brokers(
    pytester: pytest.Pytester, marked: Marked, seen: Seen
) -> None:
    """Its broker ends with it, and the worker that replaces it has another."""
    pytester.makepyfile(DYING)
    result = pytester.runpytest_subprocess(*XDIST, "-n4", timeout=HANG_SECONDS)
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*replacing crashed worker*"])
    assert len(seen.lines()) == 8
    marked.await_gone()


KEPT = """
def test_leaves_a_topic(kafka_utils, kafka_topic):
    kafka_utils.send_messages(kafka_topic, [("k", "v")])
"""
AGAIN = """
def test_finds_the_topic(kafka_utils):
    (name,) = kafka_utils.admin_client.list_topics()
    assert kafka_utils.get_all_records(None, name) == {"k": "v"}
"""


@pytest.mark.parametrize("xdist", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_kept_broker_stays_with_its_topics_until_it_is_ended(
    xdist: tuple[str, ...],
    pytester: pytest.Pytester,
    marked: Marked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run says where it is, and how to end it. Nothing is left after that."""
    cache = pytester.mkdir("cache")  # must not find, or end, what others keep
    (cache / "maven").symlink_to(CACHE / "maven")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(cache))
    pytester.makepyfile(KEPT)
    result = pytester.runpytest_subprocess(*XDIST, *xdist, "--kafka-keep")
    result.assert_outcomes(passed=1)
    kept = re.search(
        r"is left running\. Use it with: (--kafka-bootstrap-servers) (\S+)\. "
        r"End it with: spark-kafka-testkit down$",
        result.stdout.str(),
        re.M,
    )
    assert kept is not None
    try:
        commands = marked.processes().values()
        assert sum("testkit.broker.Main" in command for command in commands) == 1
        pytester.makepyfile(AGAIN)
        again = pytester.runpytest_subprocess(*PLUGIN, kept[1], kept[2])
        again.assert_outcomes(passed=1)
    finally:
        down = [sys.executable, "-m", "spark_kafka_testkit", "down"]
        subprocess.run(down, check=True)
    marked.await_gone()
