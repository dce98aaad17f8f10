"""Resident memory: how much more a process takes while something runs.

This is also a script, `python -m bench.memory BROKER`, which shows what bounded memory
means for 2 million records of 500 bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from bench.harness import seconds_of

__all__ = ["DIRECTIONS", "ResidentMemory", "generated", "measure_in_child"]

DIRECTIONS = ("send_messages", "iter_records")
LOOK_SECONDS = 0.02
MEBIBYTE = 1 << 20


class ResidentMemory:
    """The growth of each process's resident memory during a `with` block.

    It is counted from the beginning to the highest value seen.

    Attributes:
        growth: MiB, by the name of the process.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.growth = dict.fromkeys(processes, 0.0)

    def __enter__(self) -> ResidentMemory:
        self._before = {name: resident(pid) for name, pid in self._processes.items()}
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for name, pid in self._processes.items():
            more = (resident(pid) - self._before[name]) / MEBIBYTE
            self.growth[name] = max(self.growth[name], more)


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def generated(count: int, value_characters: int) -> Iterator[tuple[str, str]]:
    """The pairs of `world.messages`, one at a time."""
    filling = "x" * (value_characters - 10)
    return ((f"k{i:09d}", f"v{i:09d}{filling}") for i in range(count))


def measure_in_child(broker: str, direction: str) -> dict[str, float]:
    """Run this module as a script and return what it prints."""
    command = [sys.executable, "-m", "bench.memory", broker, direction]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    from bench.world import KEY_CHARACTERS, jvm_pid, spark_session
    from spark_kafka_testkit import KafkaUtils

    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("broker", help="bootstrap servers")
    parser.add_argument("direction", choices=DIRECTIONS)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--record-bytes", type=int, default=500)
    arguments = parser.parse_args()
    count, characters = arguments.records, arguments.record_bytes - KEY_CHARACTERS
    spark = spark_session()
    processes = {"Python": os.getpid(), "the JVM": jvm_pid(spark)}
    with KafkaUtils(bootstrap_servers=arguments.broker) as kafka:

        def send(topic: str, some: int) -> None:
            kafka.send_messages(topic, generated(some, characters))

        def read(topic: str, some: int) -> None:
            seen = sum(1 for _ in kafka.iter_records(topic))
            assert seen == some, f"{seen} records of {some}"

        topics = {"memory-warm-up": count // 20, "memory": count}
        kafka.create_topics(list(topics))
        step = send if arguments.direction == "send_messages" else read
        if step is read:
            for topic, some in topics.items():
                _fill(arguments.broker, topic, some, characters)
        step("memory-warm-up", topics["memory-warm-up"])  # classes, and the first heap
        with ResidentMemory(processes) as memory:
            seconds = seconds_of(lambda: step("memory", count))
        kafka.delete_topics(list(topics))
    spark.stop()
    print(json.dumps({**memory.growth, "seconds": seconds}))  # noqa: T201
    return 0


def _fill(broker: str, topic: str, count: int, characters: int) -> None:
    """Fill a topic without the kit, which would warm what is measured."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker, "acks": "all"})
    for index, (key, value) in enumerate(generated(count, characters)):
        producer.produce(topic, value, key)
        if index % 20_000 == 0:
            producer.flush()
    producer.flush()


if __name__ == "__main__":
    sys.exit(main())
