"""The helper in the kit's own JVM: where no classic session has it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from spark_kafka_testkit import KafkaUtils
from tests.processes import HANG_SECONDS, is_alive, wait_until

PRELUDE = """
import logging, os, sys
from spark_kafka_testkit import KafkaUtils, errors
from spark_kafka_testkit._jvm import own_helper as _helper_jvm

log = logging.getLogger("spark_kafka_testkit")
log.addHandler(logging.StreamHandler(sys.stdout))
kafka = KafkaUtils(bootstrap_servers=sys.argv[1])
kafka.setup()
log.setLevel("INFO")
topic = sys.argv[2]

def pid():
    return _helper_jvm._slot._jvm._process.pid


def open_transaction():
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka.broker, transactional_id=topic)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, b"held").get(30)
    return producer
"""


def start(
    kafka: KafkaUtils, topic: str, code: str, **environment: str
) -> subprocess.Popen[str]:
    """A new process that runs the code after the prelude."""
    kafka.create_topics([topic])
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            PRELUDE + textwrap.dedent(code),
            kafka.broker,
            topic,
        ],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(kafka: KafkaUtils, topic: str, code: str, **environment: str) -> str:
    process = start(kafka, topic, code, **environment)
    out, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, out
    return out


def await_end(pid: int) -> None:
    """Waits until the process has gone."""
    wait_until(lambda: not is_alive(pid), f"process {pid} is still there")


def test_one_jvm_serves_a_process_without_a_session_and_ends_with_it(
    kafka: KafkaUtils, topic: str
) -> None:
    """Every KafkaUtils of the process uses it; nothing of it is left."""
    out = run(
        kafka,
        topic,
        """
        assert kafka.client == "jvm"
        kafka.send_messages(topic, [("k", "v")])
        with KafkaUtils(bootstrap_servers=sys.argv[1]) as other:
            before = pid()
            assert other.get_all_records(None, topic) == {"k": "v"}
        assert pid() == before
        kafka.send_messages(topic, [("k", "w")])
        assert kafka.get_all_records(None, topic) == {"k": "w"}
        print(pid())
        """,
    )
    lines = out.splitlines()
    told = (
        "records go through jvm: in the kit's own JVM: no classic Spark session is "
        "active"
    )
    assert [line for line in lines[:-1] if line.startswith("records")] == [told, told]
    await_end(int(lines[-1]))


def test_the_jvm_dies_with_a_process_that_is_killed(
    kafka: KafkaUtils, topic: str
) -> None:
    """SIGKILL runs no handler, and a forked child is still there."""
    code = """
    kafka.get_all_records(None, topic)
    child = os.fork()
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    print("pid", pid(), child, flush=True)
    sys.stdin.read()
    """
    process = start(kafka, topic, code)
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("pid"))
    _, jvm, child = line.split()
    try:
        process.kill()
        await_end(int(jvm))
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.communicate()


def test_a_forked_child_has_its_own_jvm(kafka: KafkaUtils, topic: str) -> None:
    """The parent's goes on; the child's ends with the child."""
    out = run(
        kafka,
        topic,
        """
        kafka.send_messages(topic, [("k", "v")])
        parents = pid()
        child = os.fork()
        if child == 0:
            with KafkaUtils(bootstrap_servers=sys.argv[1]) as own:
                assert own.get_all_records(None, topic) == {"k": "v"}
                assert pid() != parents
            print("child", pid(), flush=True)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert kafka.get_all_records(None, topic) == {"k": "v"}
        assert pid() == parents
        """,
    )
    (line,) = (line for line in out.splitlines() if line.startswith("child"))
    await_end(int(line.split()[1]))


def test_a_jvm_that_was_killed_is_followed_by_another(
    kafka: KafkaUtils, topic: str
) -> None:
    """The next call starts it, and works."""
    run(
        kafka,
        topic,
        """
        import signal
        kafka.send_messages(topic, [("k", "v")])
        killed = pid()
        os.kill(killed, signal.SIGKILL)
        _helper_jvm._slot._jvm._process._popen.wait()
        assert kafka.get_all_records(None, topic) == {"k": "v"}
        assert pid() != killed
        """,
    )


def test_a_jvm_that_is_killed_amid_a_read_is_told(
    kafka: KafkaUtils, topic: str
) -> None:
    """At once, as what it is; and the next call has another, and works. So it is amid a
    send.
    """
    run(
        kafka,
        topic,
        """
        import signal

        def told(call):
            killed = pid()
            try:
                call()
            except errors.HelperError as error:
                assert str(error) == (
                    "The JVM helper went away in the middle of an answer. Has its JVM "
                    "ended, or its Spark session been stopped?"
                )
            else:
                raise AssertionError("nothing was told")
            kafka.send_messages(topic, [("next", "v")])
            assert pid() != killed

        def kill():
            os.kill(pid(), signal.SIGKILL)

        def read():
            for record in kafka.iter_records(topic):
                if record.offset == 10:
                    kill()

        def messages():
            for number in range(100_000):
                if number == 50_000:
                    kill()
                yield str(number), "x" * 100

        kafka.send_messages(topic, [(str(n), "x" * 100) for n in range(200_000)])
        told(read)
        told(lambda: kafka.send_messages(topic, messages()))
        told(lambda: kafka.send_messages(topic, messages(), transactional=True))
        kill()
        try:
            kafka.offsets(topic)
        except errors.HelperError:
            kafka.offsets(topic)
        """,
    )


def test_a_jvm_that_is_suspended_amid_a_read_is_waited_for(
    kafka: KafkaUtils, topic: str
) -> None:
    """Longer than the limits of all its requests, as by a laptop that sleeps; the
    broker is fine, and is not blamed.
    """
    run(
        kafka,
        topic,
        """
        import signal, threading, time

        kafka.send_messages(topic, [("k", "v")])
        producer = open_transaction()
        stream = kafka.iter_records(topic, timeout=15)
        assert next(stream).key == "k"
        time.sleep(2)  # it waits for the transaction, and looks why
        os.kill(pid(), signal.SIGSTOP)
        time.sleep(25)
        producer.commit_transaction()
        producer.close()
        os.kill(pid(), signal.SIGCONT)
        assert [record.value for record in stream] == ["held"]
        """,
    )


def test_a_jvm_that_stays_suspended_is_told_when_the_time_is_up(
    kafka: KafkaUtils, topic: str
) -> None:
    """As what it is, and not as a broker that does not answer."""
    run(
        kafka,
        topic,
        """
        import signal
        from spark_kafka_testkit._clients import jvm

        kafka.send_messages(topic, [("k", "v")])
        jvm.READ_GRACE_SECONDS = 1.0
        os.kill(pid(), signal.SIGSTOP)
        try:
            kafka.read_records(topic, timeout=1)
        except errors.HelperError as error:
            assert str(error) == (
                "The JVM helper has been silent for 2 s. Is its JVM suspended, or out "
                "of memory?"
            )
        else:
            raise AssertionError("nothing was told")
        finally:
            os.kill(pid(), signal.SIGCONT)
        """,
    )


def test_a_jvm_that_is_silent_amid_a_read_is_told_at_the_users_line(
    kafka: KafkaUtils, topic: str
) -> None:
    """Without the functions of pyarrow, which reads, and of the socket."""
    run(
        kafka,
        topic,
        """
        import signal, traceback
        from spark_kafka_testkit._clients import jvm
        from spark_kafka_testkit._plugin.traceback import cut

        kafka.send_messages(topic, [("k", "v")])
        producer = open_transaction()  # kept, for it ends with its last reference
        jvm.READ_GRACE_SECONDS = 1.0
        stream = kafka.iter_records(topic, timeout=1)
        assert next(stream).key == "k"
        os.kill(pid(), signal.SIGSTOP)
        try:
            next(stream)
        except errors.HelperError as error:
            assert cut(error)
            told = traceback.format_exception(error)
            assert len(told) == 3, told  # the heading, the user's line, the message
            assert told[2].startswith(
                "spark_kafka_testkit.errors.HelperError: The JVM helper has been "
                "silent for 2 s."
            )
        else:
            raise AssertionError("nothing was told")
        finally:
            os.kill(pid(), signal.SIGCONT)
        """,
    )


def test_the_secret_of_the_jvm_is_shown_nowhere_and_asked_of_everyone(
    kafka: KafkaUtils, topic: str
) -> None:
    """Neither arguments nor variables hold it, and a stranger on the port is sent
    away without a word.
    """
    process = start(
        kafka,
        topic,
        """
        _helper_jvm.secrets.token_hex = lambda size: "5ec3e7" * 10
        kafka.get_all_records(None, topic)
        client = kafka._cluster._clients._own.helper._api._gateway_client
        parameters = client.gateway_parameters
        print("at", pid(), parameters.port, flush=True)
        sys.stdin.read()
        """,
    )
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("at"))
        _, pid, port = line.split()
        for name in ("cmdline", "environ"):
            assert b"5ec3e7" not in Path(f"/proc/{pid}/{name}").read_bytes()
        with socket.create_connection(("127.0.0.1", int(port))) as stranger:
            wrong = b"A\n" + b"0" * 60 + b"\n"  # as long as the right one
            stranger.sendall(wrong + b"c\nt\npyVersion\ne\n")
            try:
                answer = stranger.recv(1000)
            except ConnectionResetError:
                answer = b""
        assert answer == b""
    finally:
        process.communicate("")
    assert process.returncode == 0


def test_without_java_kafka_python_does_the_work(
    kafka: KafkaUtils, topic: str, tmp_path: Path
) -> None:
    """The log says why, in full."""
    out = run(
        kafka,
        topic,
        """
        kafka.send_messages(topic, [("k", "v")])
        assert kafka.get_all_records(None, topic) == {"k": "v"}
        """,
        JAVA_HOME=str(tmp_path),
    )
    (line,) = (line for line in out.splitlines() if line.startswith("records"))
    assert line == (
        "records go through kafka-python: no classic Spark session is active, and the "
        f"kit can't start its own JVM: JAVA_HOME is {tmp_path}, but "
        f"{tmp_path}/bin/java does not exist or can't be run."
    )


def test_without_sparks_jars_kafka_python_does_the_work(
    kafka: KafkaUtils, topic: str, tmp_path: Path
) -> None:
    """A Connect client alone (pyspark-client) brings none."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/spark-core_2.13-4.2.0.jar").touch()
    out = run(
        kafka,
        topic,
        """
        assert kafka.get_all_records(None, topic) == {}
        """,
        SPARK_HOME=str(tmp_path),
    )
    (line,) = (line for line in out.splitlines() if line.startswith("records"))
    assert line == (
        "records go through kafka-python: no classic Spark session is active, and the "
        f"kit can't start its own JVM: {tmp_path}/jars lacks the jars arrow-*.jar, "
        "py4j-*.jar."
    )


def test_the_environment_can_ask_for_a_client(
    kafka: KafkaUtils, topic: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`jvm` is an error where the helper can't be had, in full."""
    asked = "SPARK_KAFKA_TESTKIT_CLIENT"
    assert "kafka-python" in run(
        kafka, topic, "print(kafka.client)", **{asked: "kafka-python"}
    )
    code = """
    try:
        kafka.client
    except errors.HelperError as error:
        print(error)
    """
    environment = {asked: "jvm", "JAVA_HOME": str(tmp_path)}
    assert run(kafka, topic, code, **environment).splitlines()[-1] == (
        "SPARK_KAFKA_TESTKIT_CLIENT is 'jvm', but no classic Spark session is active, "
        f"and the kit can't start its own JVM: JAVA_HOME is {tmp_path}, but "
        f"{tmp_path}/bin/java does not exist or can't be run."
    )
    monkeypatch.setenv(asked, "java")
    with pytest.raises(ValueError, match="Unknown") as caught:
        assert kafka.client
    assert str(caught.value) == (
        "Unknown SPARK_KAFKA_TESTKIT_CLIENT 'java'. Choose one of: jvm, kafka-python."
    )


def test_the_jvm_reads_the_patterns_of_a_query_by_spark_connect(
    kafka: KafkaUtils, topic: str
) -> None:
    """They are Java's own regular expressions, and no classic session is there."""
    code = r"""
        from types import SimpleNamespace
        from spark_kafka_testkit._queries.patterns import matching_topics

        pattern, names = r"\p{Alpha}++-[a-z&&[^b]]$", ["x.yz-a", "yz-b", "-a"]
        print(matching_topics(SimpleNamespace(), pattern, names), pid() > 0)
    """
    assert run(kafka, topic, code).splitlines()[-1] == "(['x.yz-a'], '') True"
