"""A broker in a container: what a user does with it, and how it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.container import LABEL, _put_whole
from spark_kafka_testkit._brokers.kept.lease import BrokerFile
from spark_kafka_testkit._kept.keep import end
from spark_kafka_testkit._kept.lease import running
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.processes import children
from tests.systems import printed

from .conftest import CONFLUENT, inventory, own_environment


def test_records_go_in_and_out(container_kafka: KafkaUtils, topic: str) -> None:
    """The API is the same as on any broker."""
    kafka = container_kafka
    assert kafka.backend == "container"
    kafka.create_topics([topic], num_partitions=3)
    messages = {f"k{n}": f"v{n}" for n in range(1000)}
    kafka.send_messages(topic, list(messages.items()))
    assert kafka.get_all_records(None, topic) == messages
    kafka.producer.send(topic, key="k0", value=None).get(10)
    assert kafka.get_all_records(None, topic)["k0"] is None
    kafka.delete_topics([topic])
    assert topic not in kafka.admin_client.list_topics()


def test_spark_reads_and_writes(
    container_kafka: KafkaUtils, spark: Any, topic: str
) -> None:
    """The advertised address is one that Spark's JVM reaches too."""
    kafka = container_kafka
    kafka.create_topics([topic])
    frame = spark.createDataFrame([("k", "v")], ["key", "value"])
    writer = frame.write.format("kafka").option("topic", topic)
    writer.option("kafka.bootstrap.servers", kafka.broker).save()
    assert kafka.client == "jvm"
    assert kafka.get_all_records(spark, topic) == {"k": "v"}


def test_the_port_is_published_on_loopback_only(
    container_kafka: KafkaUtils, engine: Any
) -> None:
    """Nobody outside this machine reaches it."""
    broker = cluster_of(container_kafka).broker
    container = engine.containers.get(broker.container_id)  # type: ignore[attr-defined]
    hosts = {
        binding["HostIp"]
        for bindings in container.ports.values()
        for binding in bindings or []
    }
    assert hosts == {"127.0.0.1"}


def test_settings_and_variables_arrive_at_the_broker(image: str, engine: Any) -> None:
    """broker_config goes by Kafka's names, and environment as it is."""
    with KafkaUtils(
        backend="container",
        image=image,
        broker_config={"num.partitions": "5", "log.retention.hours": "7"},
        environment={"KAFKA_HEAP_OPTS": "-Xmx300m"},
    ) as kafka:
        container = engine.containers.get(cluster_of(kafka).broker.container_id)  # type: ignore[attr-defined]
        properties = container.exec_run("cat /etc/kafka/kafka.properties").output
        lines = properties.decode().splitlines()
        assert "num.partitions=5" in lines
        assert "log.retention.hours=7" in lines
        assert "auto.create.topics.enable=false" in lines
        assert b"-Xmx300m" in container.exec_run(
            "cat /proc/1/cmdline"
        ).output + b"".join(
            container.exec_run(["sh", "-c", "cat /proc/[0-9]*/cmdline"]).output.split(
                b"\0"
            )
        )


def test_other_containers_of_the_network_reach_the_broker(
    image: str, engine: Any
) -> None:
    """A client in the same network writes by the alias; the test reads on the host."""
    import kafka as kafka_python

    library = str(Path(kafka_python.__file__).parent)
    network = engine.networks.create("testkit-test")
    try:
        with KafkaUtils(
            backend="container", image=image, network="testkit-test", network_alias="k"
        ) as kafka:
            assert kafka.network_broker == "k:9092"
            kafka.create_topics(["t"])
            engine.containers.run(
                image,
                ["python3", "-c", WRITE_IN_NETWORK.format(kafka.network_broker)],
                network="testkit-test",
                volumes={library: {"bind": "/opt/python/kafka", "mode": "ro"}},
                environment={"PYTHONPATH": "/opt/python"},
                remove=True,
            )
            assert kafka.get_all_records(None, "t") == {"from": "the network"}
    finally:
        network.remove()


WRITE_IN_NETWORK = """
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers="{}")
producer.send("t", key=b"from", value=b"the network").get(20)
"""


def test_auto_takes_the_container_where_docker_answers() -> None:
    """The repr shows its image and its address."""
    with KafkaUtils(image=CONFLUENT) as kafka:
        assert kafka.backend == "container"
        assert (
            repr(kafka)
            == f"<KafkaUtils: {CONFLUENT} in a container, at {kafka.broker}>"
        )


def test_twenty_set_ups_and_tear_downs_leave_nothing(
    engine: Any, record_property: Callable[[str, object], None]
) -> None:
    """No container, volume, network, process or open file is left."""
    with KafkaUtils(backend="container", image=CONFLUENT) as kafka:
        kafka.send_messages("t", [("k", "v")])
    before, files, processes = inventory(engine), open_files(), children(os.getpid())
    for _ in range(20):
        with KafkaUtils(backend="container", image=CONFLUENT) as kafka:
            kafka.send_messages("t", [("k", "v")])
    after = inventory(engine)
    assert after == before
    left = open_files()
    assert left <= files
    assert children(os.getpid()) == processes
    counts = {name: len(after[name] - before[name]) for name in before}
    figures = f"{counts}, open files {files} before, {left} after"
    record_property("left after 20 set-ups and tear-downs", figures)


def test_the_kit_costs_little_beside_plain_testcontainers(
    record_property: Callable[[str, object], None],
) -> None:
    """Set-up times are taken in turn. The bound is a guard, and the figure is what
    counts.
    """
    plain, kit = [], []
    for _ in range(5):
        plain.append(timed(PLAIN))
        kit.append(timed(KIT))
    figures = f"plain testcontainers {median(plain):.2f}, the kit {median(kit):.2f}"
    record_property("set-up in s, medians of 5", figures)
    assert median(kit) <= 1.25 * median(plain)


def test_a_kept_container_is_found_again_and_clean(
    image: str, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run has the same container, at the same address, without topics. One
    that has stopped is replaced, and when its keeper is killed it goes too.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path))

    def kept_containers() -> list[str]:
        containers = engine.containers.list(all=True, filters={"label": LABEL})
        pids = {str(state.pid) for state in running(BrokerFile)}
        return [at.id for at in containers if at.labels[LABEL] in pids]

    with KafkaUtils(backend="container", image=image, reuse=True) as kafka:
        kafka.send_messages("t", [("k", "v")])
        first = kafka.broker
    (container,) = kept_containers()
    try:
        with KafkaUtils(backend="container", image=image, reuse=True) as kafka:
            assert kafka.broker == first
            assert kafka.admin_client.list_topics() == []
            kafka.send_messages("t", [("k", "v")])
        engine.containers.get(container).kill()
        with KafkaUtils(backend="container", image=image, reuse=True) as kafka:
            assert kafka.admin_client.list_topics() == []
            (anew,) = kept_containers()
            assert anew != container
        (state,) = running(BrokerFile)
        os.kill(state.pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while running(BrokerFile):
            assert time.monotonic() < deadline, "its keeper is still there"
        left = engine.containers.list(all=True, filters={"label": LABEL})
        assert anew not in [at.id for at in left]
    finally:
        for state in running(BrokerFile):
            end(BrokerFile(state.key), state)


PLAIN = """
import time
from testcontainers.community.kafka import KafkaContainer
started = time.monotonic()
with KafkaContainer(IMAGE).with_kraft() as container:
    container.get_bootstrap_server()
    print(time.monotonic() - started)
"""
KIT = """
import time
from spark_kafka_testkit import KafkaUtils
from testcontainers.community.kafka import KafkaContainer
started = time.monotonic()
with KafkaUtils(backend="container", image=IMAGE):
    print(time.monotonic() - started)
"""


def timed(code: str) -> float:
    return float(printed(code.replace("IMAGE", repr(CONFLUENT)), own_environment()))


def test_the_start_script_is_never_seen_in_part(engine: Any) -> None:
    """What waits for a file runs it as soon as it is there: as large as it is, it is
    whole by then.
    """
    size = 64 * 1024 * 1024
    wait = "until [ -f /script ]; do :; done; wc -c < /script"
    container = engine.containers.run(CONFLUENT, ["sh", "-c", wait], detach=True)
    try:
        _put_whole(Wrapped(container), bytes(size), "/script")
        container.wait()
        assert int(container.logs()) == size
    finally:
        container.remove(force=True, v=True)


class Wrapped:
    """A container as testcontainers has it."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def get_wrapped_container(self) -> Any:
        return self._container


def test_the_exit_hook_removes_the_container(engine: Any) -> None:
    """A process that ends without a teardown leaves none."""
    before = inventory(engine)
    code = f"""
from spark_kafka_testkit import KafkaUtils
KafkaUtils(backend="container", image={CONFLUENT!r}).setup()
"""
    subprocess.run([sys.executable, "-c", code], env=own_environment(), check=True)
    assert inventory(engine) == before


def test_a_killed_process_leaves_a_container_that_its_label_finds(engine: Any) -> None:
    """Without Ryuk that is what can be had; the docs say how to remove it."""
    code = f"""
import time
from spark_kafka_testkit import KafkaUtils
KafkaUtils(backend="container", image={CONFLUENT!r}).setup()
print("up", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=own_environment(), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.kill()
    process.wait()
    label = f"spark-kafka-testkit={process.pid}"
    (left,) = engine.containers.list(all=True, filters={"label": label})
    left.remove(force=True, v=True)


def open_files() -> int:
    deadline = time.monotonic() + 10
    fewest = 1 << 30
    while time.monotonic() < deadline:
        fewest = min(fewest, sum(1 for _ in Path("/proc/self/fd").iterdir()))
        time.sleep(0.5)
    return fewest
