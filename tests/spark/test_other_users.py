"""Other users of the machine, who can reach each port on loopback: they neither end nor
delay what goes over ours, nor get anything to see.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._clients.jvm import JvmClient
from spark_kafka_testkit._jvm import own_helper as own
from spark_kafka_testkit._jvm.channel import Channel
from spark_kafka_testkit._jvm.helper import Helper, helper_at
from spark_kafka_testkit._model.client_config import ClientConfig
from tests.strangers import other_user

STRANGERS = """
port = int(sys.argv[1])
for _ in range(20):
    reset(connect(port))
silent = [connect(port) for _ in range(20)]
slow = [connect(port) for _ in range(20)]
for connection in slow:
    connection.sendall(b"A")
print("there", flush=True)
sys.stdin.readline()
gone = 0
for connection in (*silent, *slow):
    connection.setblocking(False)
    try:
        gone += connection.recv(1) == b""
    except BlockingIOError:
        pass
    except ConnectionError:
        gone += 1
print(gone, flush=True)
"""


@pytest.fixture
def helper() -> Helper:
    """The helper in a JVM of this process's own."""
    its_helper, reason = own.own_helper()
    assert its_helper is not None, reason
    return its_helper


@pytest.fixture
def client(helper: Helper, kafka: KafkaUtils) -> Iterator[JvmClient]:
    client = JvmClient(helper, ClientConfig(kafka.broker))
    yield client
    client.close()


def gone(strangers: subprocess.Popen[str]) -> int:
    """How many of those who are silent or slow have been sent away."""
    assert strangers.stdin is not None
    assert strangers.stdout is not None
    strangers.stdin.write("\n")
    strangers.stdin.flush()
    return int(strangers.stdout.readline())


def test_a_channel_is_opened_past_strangers_who_came_first(
    helper: Helper, client: JvmClient, kafka: KafkaUtils, topic: str
) -> None:
    """Those who reset, are silent, or say a byte: all of them are sent away."""
    kafka.create_topics([topic])
    with ExitStack() as stack:
        strangers: list[subprocess.Popen[str]] = []

        def past_strangers(port: int) -> str:
            address = client_address(helper, client, port)
            strangers.append(
                stack.enter_context(other_user(STRANGERS, address.split()[0]))
            )
            return address

        channel = Channel(past_strangers)
        stack.callback(channel.close)
        channel.begin("read", 60, topic=topic, times=[])
        assert set(channel.result()["partitions"]) == {"0"}
        assert gone(strangers[0]) == 40


def client_address(helper: Helper, client: JvmClient, port: int) -> str:
    handle = client._handle
    assert handle is not None
    return helper.serve(handle, port)


def gateway_port(helper: Helper) -> int:
    return int(helper._api._gateway_client.gateway_parameters.port)


def tasks() -> int:
    """How many threads the helper's JVM has."""
    assert own._slot._jvm is not None
    return len(os.listdir(f"/proc/{own._slot._jvm._process.pid}/task"))  # noqa: PTH208


def call_anew(helper: Helper) -> None:
    """Calls the helper over a connection that is made for it."""
    parameters = helper._api._gateway_client.gateway_parameters
    helper_at(parameters.port, parameters.auth_token)  # asks for the version


def test_the_gateway_takes_calls_past_strangers(helper: Helper) -> None:
    """They take no thread of its JVM, and wait in nobody's way."""
    call_anew(helper)
    threads = tasks()
    with other_user(STRANGERS, gateway_port(helper)) as strangers:
        call_anew(helper)
        assert tasks() < threads + 20
        assert gone(strangers) == 0


CROWD = """
port = int(sys.argv[1])
crowd = [connect(port) for _ in range(3000)]
print("there", flush=True)
sys.stdin.readline()
"""


def test_the_gateway_takes_calls_past_a_crowd(helper: Helper) -> None:
    """It holds the sockets of a few of them only."""
    call_anew(helper)
    with other_user(CROWD, gateway_port(helper)):
        call_anew(helper)
        assert own._slot._jvm is not None
        files = Path(f"/proc/{own._slot._jvm._process.pid}/fd")
        assert len(list(files.iterdir())) < 2000


ENDLESS = """
print("there", flush=True)
connection = connect(int(sys.argv[1]))
sent = 0
try:
    while sent < 1 << 30:
        sent += connection.send(bytes(1 << 20))
except ConnectionError:
    pass
print(sent < 1 << 26, flush=True)
"""


def test_what_a_stranger_says_takes_no_memory(helper: Helper) -> None:
    """Who goes on past the length of the secret is sent away: a line without an end
    would fill the heap.
    """
    call_anew(helper)
    with other_user(ENDLESS, gateway_port(helper)) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "True\n"
    call_anew(helper)


RACING = """
print("there", flush=True)
waiting = []
for line in sys.stdin:
    try:
        for _ in range(int(sys.argv[1])):
            reset(connect(int(line)))
            waiting.append(connect(int(line)))
    except OSError:
        pass  # too late
    for connection in waiting:
        connection.close()
    waiting = []
"""
RACES = 200


def median_of(
    helper: Helper, client: JvmClient, topic: str, tell: Callable[[str], None]
) -> float:
    """The median of the seconds of many operations, each over a channel of its own,
    whose port is told before it is used.
    """

    def ask(port: int) -> str:
        address = client_address(helper, client, port)
        tell(address.split()[0])
        return address

    seconds = []
    for _ in range(RACES):
        begin = time.perf_counter()
        channel = Channel(ask)
        try:
            channel.begin("read", 60, topic=topic, times=[])
            assert set(channel.result()["partitions"]) == {"0"}
        finally:
            channel.close()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


@pytest.mark.parametrize("strangers", [1, 200])
def test_a_race_for_a_channel_ends_and_delays_nothing(
    helper: Helper, client: JvmClient, kafka: KafkaUtils, topic: str, strangers: int
) -> None:
    """Strangers who are the first at some ports, and many; one who is waited for would
    cost seconds.
    """
    kafka.create_topics([topic])
    quiet = median_of(helper, client, topic, lambda port: None)
    with other_user(RACING, strangers) as stranger:

        def tell(port: str) -> None:
            assert stranger.stdin is not None
            stranger.stdin.write(f"{port}\n")
            stranger.stdin.flush()

        assert median_of(helper, client, topic, tell) < 1 + 10 * quiet


WORK = """
import glob, os, sys
from spark_kafka_testkit import KafkaUtils

def listening():
    'Where this process and those that it has started listen.'
    ours = set()
    for name in glob.glob("/proc/[0-9]*"):
        try:
            parent = int(open(f"{name}/stat").read().rpartition(")")[2].split()[1])
            if os.getpid() in (parent, int(name.removeprefix("/proc/"))):
                ours.update(map(os.readlink, glob.glob(f"{name}/fd/*")))
        except OSError:
            pass  # it has ended
    for table in glob.glob("/proc/net/tcp*"):
        for line in open(table).readlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in ours:
                yield words[1].partition(":")[0]

with KafkaUtils(backend="embedded") as kafka:
    kafka.send_messages("t", [("k", "v")])
    assert kafka.get_all_records(None, "t") == {"k": "v"}
    print(kafka.client, *listening(), flush=True)
    sys.stdin.readline()
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, as the system's tables of sockets have it."""
LOOK = """
print("there", flush=True)
for top, folders, files in os.walk(sys.argv[1]):
    for path in (os.path.join(top, name) for name in (*folders, *files)):
        if os.access(path, os.R_OK) or os.access(path, os.W_OK):
            print(path, flush=True)
print("done", flush=True)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that all may enter and read; those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_nothing_of_a_run_can_be_read_or_written_or_reached_from_elsewhere(
    open_folder: Path,
) -> None:
    """What a broker and a helper have in TMPDIR is for their user alone, and where they
    listen for this machine.
    """
    working = subprocess.Popen(
        [sys.executable, "-c", WORK],
        env={**os.environ, "TMPDIR": str(open_folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert working.stdout is not None
        client, *addresses = working.stdout.readline().split()
        assert client == "jvm"
        assert len(addresses) >= 3  # the broker's two, and the helper's
        assert set(addresses) <= LOOPBACK
        assert list(open_folder.iterdir())
        with other_user(LOOK, open_folder) as stranger:
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == "done\n"
    finally:
        working.communicate("\n")
