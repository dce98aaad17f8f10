"""The embedded broker's life: private, quick to go, and never left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._brokers import embedded
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._brokers.ports import ephemeral_ports, free_ports
from spark_kafka_testkit.errors import BrokerStartError, JarError
from tests.processes import is_alive, wait_until
from tests.systems import read_only, run_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = """
    import os, sys, time
    from spark_kafka_testkit import KafkaUtils
    from spark_kafka_testkit.kafka_utils import cluster_of
    kafka = KafkaUtils(backend="embedded")
    kafka.setup()
    print(cluster_of(kafka).broker.pid, kafka.broker, flush=True)
"""


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own: what a broker leaves there is seen."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def broker(temp: Path) -> Iterator[EmbeddedBroker]:
    started = EmbeddedBroker()
    yield started
    started.stop()


def test_the_broker_listens_on_loopback_only(broker: EmbeddedBroker) -> None:
    """Nobody outside this machine can reach the broker or its controller."""
    addresses = listening_addresses(broker.pid)
    assert len(addresses) == 2
    assert all(address.startswith("127.") for address in addresses)


def test_a_deleted_topic_leaves_the_disk_within_seconds(temp: Path) -> None:
    """Suites make hundreds of topics: the disk is for those that there are."""
    with KafkaUtils(backend="embedded") as kafka:
        kafka.create_topics(["gone", "here"])
        assert files_of("gone", temp)
        kafka.delete_topics(["gone"])
        deadline = time.monotonic() + 30
        while files_of("gone", temp) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not files_of("gone", temp)
        assert files_of("here", temp)


def files_of(topic: str, folder: Path) -> list[Path]:
    """The files in which a broker below the folder keeps the topic."""
    return [path for path in folder.rglob(f"{topic}*/*") if path.suffix == ".log"]


def test_records_of_long_ago_are_kept() -> None:
    """Their timestamps are often those of the events: retention does not remove them,
    unless a topic asks for it.
    """
    often = {
        "log.retention.check.interval.ms": "100",
        "log.initial.task.delay.ms": "100",
    }
    with KafkaUtils(backend="embedded", broker_config=often) as kafka:
        kafka.create_topics(["kept"])
        configs = {"retention.ms": "1000"}
        kafka.admin_client.create_topics({"lost": {"configs": configs}})
        kafka.create_topics(["lost"])
        for topic in ("kept", "lost"):
            kafka.send_messages(topic, [Record("k", "v", timestamp=0)])
        deadline = time.monotonic() + 60
        while kafka.offsets("lost")[0].beginning == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert [record.key for record in kafka.read_records("kept")] == ["k"]


def test_the_port_is_outside_the_ephemeral_range(broker: EmbeddedBroker) -> None:
    """A client that retries a vacant port there can't connect to itself."""
    port = int(broker.bootstrap_servers.rpartition(":")[2])
    assert 1024 < port < ephemeral_ports().start


def test_the_work_folder_is_private(broker: EmbeddedBroker, temp: Path) -> None:
    """Only this user may look into it."""
    (folder,) = temp.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_stop_leaves_no_process_and_no_file(temp: Path) -> None:
    """The JVM has gone, and its folder too; a second stop does nothing."""
    broker = EmbeddedBroker()
    broker.stop()
    broker.stop()
    assert not is_alive(broker.pid)
    assert list(temp.iterdir()) == []


def test_the_broker_dies_with_a_killed_owner(temp: Path) -> None:
    """After kill -9 of the owner the JVM ends by itself and removes its files."""
    owner, pid = start_owner("time.sleep(600)")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_until(lambda: not is_alive(pid), "the broker outlived its owner")
    assert list(temp.iterdir()) == []


def test_the_broker_dies_with_a_killed_owner_whose_child_lives_on(temp: Path) -> None:
    """A child does not hold the pipe that keeps the broker alive."""
    owner, pid = start_owner(
        """
        child = os.fork()
        if child:
            print(child, flush=True)
        time.sleep(600)
        """
    )
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    try:
        wait_until(lambda: not is_alive(pid), "the broker outlived its owner")
        assert is_alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_the_broker_ends_with_an_interpreter_that_did_not_tear_down(temp: Path) -> None:
    """The exit hook tears down."""
    owner, pid = start_owner("")
    assert owner.wait(60) == 0
    assert not is_alive(pid)
    assert list(temp.iterdir()) == []


def test_an_unhandled_signal_leaves_nothing_behind(temp: Path) -> None:
    """SIGTERM runs no exit hook; the broker's own watch on its owner does the work."""
    owner, pid = start_owner("time.sleep(600)")
    owner.terminate()
    owner.wait()
    wait_until(lambda: not is_alive(pid), "the broker outlived its owner")
    assert list(temp.iterdir()) == []


def test_a_taken_port_is_tried_once_only(
    temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process has bound the port meanwhile, a new one is tried."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_ports(1)[0]))
        other.listen()
        taken = other.getsockname()[1]
        tries = iter([[taken, *free_ports(1)], free_ports(2)])
        monkeypatch.setattr(embedded, "free_ports", lambda count: next(tries))
        broker = EmbeddedBroker()
    try:
        assert broker.bootstrap_servers != f"127.0.0.1:{taken}"
    finally:
        broker.stop()
    assert list(temp.iterdir()) == []


def test_a_node_that_does_not_start_is_reported_with_its_log(
    temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the reason and the end of the log; nothing is left."""
    monkeypatch.setattr(
        embedded,
        "_properties",
        lambda *_: "process.roles=broker,controller\nnode.id=oops\n",
    )
    kafka = KafkaUtils(backend="embedded")
    with pytest.raises(RuntimeError) as caught:
        kafka.setup()
    assert isinstance(caught.value, BrokerStartError)
    first, second, *log = str(caught.value).splitlines()
    assert first == (
        "The embedded broker did not start: org.apache.kafka.common.config."
        "ConfigException: Invalid value oops for configuration broker.id: "
        "Not a number of type INT"
    )
    assert second == "The end of its log:"
    assert any("ConfigException" in line for line in log)
    kafka.teardown()
    assert list(temp.iterdir()) == []


def test_a_failed_start_leaves_no_archive(
    temp: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold too few classes for all that start later."""
    monkeypatch.setattr(embedded, "_properties", lambda *_: "node.id=oops\n")
    with pytest.raises(BrokerStartError):
        EmbeddedBroker()
    assert archives(own_cache) == []


def test_what_a_jvm_says_that_can_not_run_is_in_the_error(
    temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JVM that ends at once gives its exit code and what it said."""
    monkeypatch.setattr(embedded, "FLAGS", ("-Xmx1k",))
    with pytest.raises(BrokerStartError) as caught:
        EmbeddedBroker()
    text = str(caught.value)
    assert text.startswith(
        "The embedded broker did not start: its process ended with exit code 1\n"
        "The end of its log:\n"
    )
    assert "Too small maximum heap" in text
    assert list(temp.iterdir()) == []


def test_a_java_that_the_system_does_not_run_is_reported(
    temp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the system's words, and no folder is left."""
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_bytes(b"\x7fELF of another machine")
    java.chmod(0o755)
    (tmp_path / "jdk" / "release").write_text('JAVA_VERSION="17.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    with pytest.raises(BrokerStartError) as caught:
        EmbeddedBroker()
    assert re.sub("broker-[^:]*", "broker-X", str(caught.value)) == (
        f"The embedded broker could not be started in {temp}/spark-kafka-testkit-"
        f"broker-X: [Errno 8] Exec format error: '{java}'"
    )
    assert list(temp.iterdir()) == []


def test_no_network_and_no_cache_names_both_remedies(
    temp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to set, and what to copy."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", "http://127.0.0.1:9")
    with pytest.raises(JarError) as caught:
        KafkaUtils(backend="embedded").setup()
    text = str(caught.value)
    assert text.startswith("http://127.0.0.1:9/")
    assert text.endswith(
        " can't be fetched: <urlopen error [Errno 111] Connection refused>. Either set "
        "SPARK_KAFKA_TESTKIT_MAVEN_URL to a Maven repository that this machine "
        f"reaches, or copy the folder {tmp_path / 'cache'} from a machine where the "
        "kit has run."
    )


def test_settings_are_read_by_java_as_they_were_given(spark: SparkSession) -> None:
    """Java's own reader gets the same names and values, whatever is in them."""
    odd = {
        "plain": "a b=c:d#e!f,g",
        "path": "C:\\data\\new",
        "blanks": "  two before, two after  ",
        "tabs": "\tone\ttwo\t",
        "lines": "a\nb\r\nc\\",
        "letters": "zürich, Ω, Kraków, 東京, 😀",
        "comment": "#!",
        "empty": "",
        "#!name = x: ü\\": "v",
    }
    assert spark._jvm is not None
    properties = spark._jvm.java.util.Properties()
    text = embedded._properties("/data/ü,b\\c", 1, 2, odd)
    properties.load(spark._jvm.java.io.StringReader(text))
    assert {name: properties.getProperty(name) for name in odd} == odd
    assert properties.getProperty("log.dirs") == "/data/ü,b\\c"


def test_the_broker_works_in_a_folder_of_any_name(
    tmp_path: Path, own_cache: Path
) -> None:
    """TMPDIR and the cache may have a comma, a backslash, umlauts, an emoji, and what
    is no text at all, in the C locale too: the data lies there, and goes.
    """
    temp = os.fsencode(tmp_path) + "/a,b\\c zür😀".encode() + b"\xff"
    Path(os.fsdecode(temp)).mkdir()
    cache = own_cache.rename(own_cache.with_name("cäche"))
    code = """
        import os, sys, time
        from spark_kafka_testkit import KafkaUtils
        config = {"compression.type": "lz4"}  # a library that is unpacked
        with KafkaUtils(backend="embedded", broker_config=config) as kafka:
            kafka.create_topics(["gone", "here"])
            kafka.send_messages("here", [("k", "v")])
            assert kafka.get_all_records(None, "here") == {"k": "v"}
            kafka.delete_topics(["gone"])
            (folder,) = os.listdir(os.environb[b"TMPDIR"])
            data = os.path.join(os.environb[b"TMPDIR"], folder, b"data")
            assert b"here-0" in os.listdir(data)
        print(os.listdir(os.environb[b"TMPDIR"]))
        kafka.setup()
        print(kafka._cluster.broker.pid, flush=True)
        time.sleep(600)
    """  # with the helper, whose jars are in the cache too
    env = {
        **os.environb,
        b"TMPDIR": temp,
        b"LC_ALL": b"C",
        b"SPARK_KAFKA_TESTKIT_CACHE": os.fsencode(cache),
        b"SPARK_KAFKA_TESTKIT_CLIENT": b"jvm",
    }
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    left, pid = owner.stdout.readline(), owner.stdout.readline()
    assert left == "[]\n"
    owner.kill()
    owner.wait()
    wait_until(lambda: not is_alive(int(pid)), "the broker outlived its owner")
    assert os.listdir(temp) == []  # noqa: PTH208  bytes
    assert any(file.name.startswith("broker-") for file in archives(cache))


def test_the_class_data_archive_is_made_once_and_used_after(
    temp: Path, own_cache: Path
) -> None:
    """The first broker records it when it ends, the second starts with it."""
    first = EmbeddedBroker()
    assert archives(own_cache) == []
    first.stop()
    (archive,) = archives(own_cache)
    second = EmbeddedBroker()
    try:
        mapped = Path(f"/proc/{second.pid}/maps").read_text()
        assert str(archive) in mapped
    finally:
        second.stop()
    assert archives(own_cache) == [archive]


def test_a_read_only_cache_is_enough(temp: Path, own_cache: Path) -> None:
    """A cache that is baked into an image has no archives, and none is left in it."""
    done = run_python(
        """
        from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
        broker = EmbeddedBroker()
        broker.stop()
        print(broker.describe().partition(",")[0])
        """,
        None,
        *read_only(own_cache),
    )
    assert done.stdout == "Kafka 4.4.0\n"
    assert [path.name for path in own_cache.iterdir()] == ["maven"]
    assert list(temp.iterdir()) == []


def truncate(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size // 2)


def flip(archive: Path) -> None:
    size = archive.stat().st_size
    with archive.open("r+b") as file:
        for place in range(0, size, 1 << 16):
            file.seek(place)
            file.write(b"\xff" * 64)


def empty(archive: Path) -> None:
    archive.write_bytes(b"")


def forget_stamp(archive: Path) -> None:
    archive.with_name(f"{archive.name}.stamp").unlink()


@pytest.mark.parametrize("damage", [truncate, flip, empty, forget_stamp])
def test_a_damaged_archive_is_recorded_anew(
    temp: Path, own_cache: Path, damage: Callable[[Path], None]
) -> None:
    """A JVM would die of it, or start slowly each time."""
    EmbeddedBroker().stop()
    (archive,) = archives(own_cache)
    archive.chmod(0o600)
    damage(archive)
    EmbeddedBroker().stop()
    assert archives(own_cache) == [archive]
    third = EmbeddedBroker()
    try:
        assert str(archive) in Path(f"/proc/{third.pid}/maps").read_text()
    finally:
        third.stop()
    assert list(temp.iterdir()) == []


def test_a_broker_that_dies_of_its_archive_is_started_without(
    temp: Path,
    own_cache: Path,
    caplog: pytest.LogCaptureFixture,
    logged: Callable[[], list[str]],
) -> None:
    """One that is broken, and whose stamp fits all the same; it is removed."""
    EmbeddedBroker().stop()
    (archive,) = archives(own_cache)
    archive.chmod(0o600)
    truncate(archive)
    facts = archive.stat()
    stamp = archive.with_name(f"{archive.name}.stamp")
    stamp.write_text(f"{facts.st_size} {facts.st_mtime_ns} digest\n")
    with caplog.at_level("INFO", "spark_kafka_testkit"):
        second = EmbeddedBroker()
    try:
        assert archives(own_cache) == []
        assert not stamp.exists()
    finally:
        second.stop()
    assert logged() == [
        f"the class archive {archive} is no longer used",
        "starting the embedded broker again without a class archive",
    ]
    assert archives(own_cache) == [archive]
    assert list(temp.iterdir()) == []


def test_a_killed_broker_leaves_no_archive(temp: Path, own_cache: Path) -> None:
    """What it has written of one is no whole one."""
    broker = EmbeddedBroker()
    os.kill(broker.pid, signal.SIGKILL)
    broker.stop()
    assert list((own_cache / "archives").iterdir()) == []


def test_brokers_side_by_side_do_not_disturb_each_other(
    temp: Path, own_cache: Path
) -> None:
    """Two brokers start, record their archive and end at the same time."""
    with ThreadPoolExecutor(2) as pool:
        brokers = list(pool.map(lambda _: EmbeddedBroker(), range(2)))
        assert len({broker.bootstrap_servers for broker in brokers}) == 2
        list(pool.map(EmbeddedBroker.stop, brokers))
    assert len(archives(own_cache)) == 1
    assert list(temp.iterdir()) == []


def test_ten_set_ups_and_tear_downs_leave_nothing(temp: Path) -> None:
    """No process, file, thread or open file is left, after work in between too."""
    with KafkaUtils(backend="embedded") as kafka:  # what is loaded once is loaded now
        work(kafka)
    before = open_files(), threads()
    for _ in range(10):
        with KafkaUtils(backend="embedded") as kafka:
            work(kafka)
    wait_until(
        lambda: (open_files(), threads()) <= before, "open files or threads have grown"
    )
    assert list(temp.iterdir()) == []


def test_a_newer_java_keeps_an_aot_cache(
    temp: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Java 25 the archive is an AOT cache."""
    homes = sorted(Path("/usr/lib/jvm").glob("*25*"))
    if not homes:
        pytest.skip("no Java 25 under /usr/lib/jvm")
    monkeypatch.setenv("JAVA_HOME", str(homes[0]))
    EmbeddedBroker().stop()
    (archive,) = archives(own_cache)
    assert archive.suffix == ".aot"
    EmbeddedBroker().stop()
    assert archives(own_cache) == [archive]


def work(kafka: KafkaUtils) -> None:
    kafka.create_topics(["t"])
    kafka.send_messages("t", [("k", "v")])
    assert kafka.get_all_records(None, "t") == {"k": "v"}
    kafka.producer.send("t", key=1, value=2).get(10)


def archives(cache: Path) -> list[Path]:
    files = (cache / "archives").iterdir()
    return sorted(f for f in files if f.suffix in (".jsa", ".aot"))


def start_owner(then: str) -> tuple[subprocess.Popen[str], int]:
    """A process that starts a broker and goes on with `then`; and the broker's pid."""
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(START) + textwrap.dedent(then)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    pid, _ = owner.stdout.readline().split()
    return owner, int(pid)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def listening_addresses(pid: int) -> list[str]:
    """The local addresses that a process listens on, IPv4 and IPv6, by /proc."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            target = str(entry.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    addresses = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.append(to_address(fields[1].partition(":")[0]))
    return addresses


def to_address(text: str) -> str:
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    data = b"".join(words)
    if data[:12] == b"\0" * 10 + b"\xff\xff":
        data = data[12:]
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, data)
