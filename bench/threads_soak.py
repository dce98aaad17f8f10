"""Use one KafkaUtils from many threads, and call `teardown()` at a random moment.

    python bench/threads_soak.py [--rounds 200] [--client jvm] [--forks]

In each round eight threads make random calls, until `teardown()` is called. Every call
must end within two seconds after that, with a result or one of the kit's errors. The
process must have as many threads and descriptors as before. With `--forks`, each round
also forks a child while the calls run, and the child must end.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import KafkaTestkitError

THREADS = 8
LATE_SECONDS = 2.0
HANGING_SECONDS = 60.0
WARM_ROUNDS = 20
"""py4j keeps as many connections to the helper's JVM as calls were open at once, so the
descriptors of a process grow until all threads have been in a call together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--client", choices=["jvm", "kafka-python"], default="jvm")
    parser.add_argument("--forks", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["SPARK_KAFKA_TESTKIT_CLIENT"] = arguments.client
    chances = random.Random(arguments.seed)
    outcomes: Counter[str] = Counter()
    latest = 0.0
    with KafkaUtils(backend="embedded") as server:
        warm = random.Random(0)
        for _ in range(WARM_ROUNDS):
            run_round(server.broker, warm, False, Counter())
        before = counts()
        for _ in range(arguments.rounds):
            late = run_round(server.broker, chances, arguments.forks, outcomes)
            latest = max(latest, late)
        after = settled(before)
    say(f"{arguments.rounds} rounds, the latest call ended {latest:.2f} s after")
    say(f"threads and descriptors: {before} before, {after} after")
    for outcome, count in outcomes.most_common():
        say(f"{count:7}  {outcome}")
    bad = [outcome for outcome in outcomes if outcome.startswith(("hangs", "raw"))]
    sys.exit(bool(bad) or latest > LATE_SECONDS or after > before)


def run_round(
    address: str, chances: random.Random, forks: bool, outcomes: Counter[str]
) -> float:
    """The seconds that the last call took to end after `teardown()` had begun."""
    kafka = KafkaUtils(bootstrap_servers=address)
    kafka.setup()
    topics = [f"soak-{chances.getrandbits(40):x}" for _ in range(3)]
    kafka.create_topics(topics)
    kafka.send_messages(topics[0], [(str(n), "v" * 100) for n in range(2000)])
    over = threading.Event()
    ended: list[tuple[float, str]] = []
    seeds = [chances.getrandbits(32) for _ in range(THREADS)]

    def work(seed: int) -> None:
        own = random.Random(seed)
        while not over.is_set():
            call = own.choice(CALLS)
            try:
                call(kafka, own.choice(topics))
                outcomes["done"] += 1
            except KafkaTestkitError as error:
                outcomes[type(error).__name__] += 1
                if over.is_set() or not kafka.initialized:
                    break
            except Exception as error:  # noqa: BLE001  must not happen
                outcomes[f"raw {call.__name__}: {type(error).__name__}: {error}"] += 1
        ended.append((time.monotonic(), call.__name__))

    threads = [
        threading.Thread(target=work, args=(seed,), daemon=True) for seed in seeds
    ]
    for thread in threads:
        thread.start()
    time.sleep(chances.uniform(0, 0.5))
    children = [fork(kafka) for _ in range(2)] if forks else []
    over.set()
    began = time.monotonic()
    kafka.teardown()
    for thread in threads:
        thread.join(HANGING_SECONDS)
        if thread.is_alive():
            outcomes["hangs"] += 1
    for child in children:
        reap(child, outcomes)
    last, name = max([*ended, (began, "")])
    if last - began > LATE_SECONDS:
        outcomes[f"late: {name}"] += 1
    return last - began


def fork(kafka: KafkaUtils) -> int:
    child = os.fork()
    if child == 0:
        kafka.teardown()
        os._exit(0)
    return child


def reap(child: int, outcomes: Counter[str]) -> None:
    deadline = time.monotonic() + HANGING_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            outcomes["hangs in a child"] += 1
            return
        time.sleep(0.01)


def send(kafka: KafkaUtils, topic: str) -> None:
    kafka.send_messages(topic, [(str(n), "v") for n in range(50)])


def send_drawn(kafka: KafkaUtils, topic: str) -> None:
    kafka.send_messages(topic, slowly())


def slowly() -> object:
    for n in range(40):
        time.sleep(0.01)
        yield str(n), "v"


def send_transaction(kafka: KafkaUtils, topic: str) -> None:
    kafka.send_messages(topic, [("k", "v")], transactional=True)


def read(kafka: KafkaUtils, topic: str) -> None:
    kafka.get_all_records(None, topic)


def draw(kafka: KafkaUtils, topic: str) -> None:
    for _ in kafka.iter_records(topic):
        pass


def mark(kafka: KafkaUtils, topic: str) -> None:
    kafka.mark(topic)


def offsets(kafka: KafkaUtils, topic: str) -> None:
    kafka.offsets(topic)


def wait(kafka: KafkaUtils, topic: str) -> None:
    kafka.wait_for_records(topic, 10**6, timeout=30)


def create(kafka: KafkaUtils, topic: str) -> None:
    kafka.create_topics([f"{topic}-{random.getrandbits(40):x}"])


CALLS: list[Callable[[KafkaUtils, str], None]] = [
    *(send, send_drawn, send_transaction, read, draw, mark, offsets, wait, create)
]


def counts() -> tuple[int, int]:
    """The numbers of threads and of open descriptors."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def settled(before: tuple[int, int]) -> tuple[int, int]:
    """The same, after whatever ends on its own has had time to.

    That includes objects in cycles.
    """
    gc.collect()
    deadline = time.monotonic() + 10
    while (now := counts()) > before and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
