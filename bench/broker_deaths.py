"""Kill a broker at random moments of a send, and compare the account with a reader.

    python -m bench.broker_deaths [--kills 20] [--whose ours|others] [--client NAME]

Each kill is a `kill -9` within the time that an undisturbed send takes. Then the broker
is started again with its data, and the records are counted. There may be no fewer than
were acknowledged, and no more than those and the unknown ones. Of a transaction there
may be all or nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._model.offsets import UpTo
from spark_kafka_testkit.errors import (
    BrokerEndedError,
    BrokerUnreachableError,
    SendError,
)
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.mortal_broker import SETTINGS, MortalBroker, start_again

LIMIT_SECONDS = 20.0
ALL = "all was sent"
COUNTS = {
    ("jvm", 100): 300_000,
    ("jvm", 10_000): 20_000,
    ("kafka-python", 100): 40_000,
    ("kafka-python", 10_000): 8_000,
}


@dataclass
class Account:
    """What a send reported when its broker was killed.

    Attributes:
        least, most: how many records a reader may find.
        seconds: the time from the death to the account, or 0 if all was sent before.
        text: the first line of the error.
    """

    least: int
    most: int
    seconds: float
    text: str


def send(
    utils: KafkaUtils,
    topic: str,
    messages: list[tuple[str, str]],
    transactional: bool,
    kill_after: float,
    pid: int,
) -> Account:
    died: list[float] = []

    def kill() -> None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
        died.append(time.monotonic())

    killer = threading.Thread(target=kill)
    killer.start()
    least, most, text = len(messages), len(messages), ALL
    try:
        utils.send_messages(topic, messages, transactional=transactional)
    except SendError as error:
        ended = time.monotonic()
        least, most = error.acked, error.acked + error.unknown
        if error.aborted:
            least = most = 0
        elif transactional:
            least = 0  # committed or not, as a whole
        text = str(error).splitlines()[0]
    except (BrokerEndedError, BrokerUnreachableError) as error:
        ended = time.monotonic()
        least, most, text = 0, 0, f"{type(error).__name__}: nothing was sent"
    else:
        ended = 0.0
    killer.join()
    return Account(least, most, max(ended - died[0], 0.0), text)


def run(
    whose: str,
    transactional: bool,
    messages: list[tuple[str, str]],
    kill_after: float,
) -> tuple[Account, int]:
    """The account of one killed send, and the number of records that a reader finds."""
    if whose == "others":
        mortal = MortalBroker()
        try:
            with KafkaUtils(bootstrap_servers=mortal.bootstrap_servers) as utils:
                warm_up(utils, transactional)
                account = send(
                    utils, "t", messages, transactional, kill_after, mortal.pid
                )
                mortal.start_again()
                return account, utils.read_arrow("t").num_rows
        finally:
            mortal.stop()
    with KafkaUtils(backend="embedded", broker_config=SETTINGS) as utils:
        warm_up(utils, transactional)
        broker = cluster_of(utils).broker
        assert isinstance(broker, EmbeddedBroker)
        account = send(utils, "t", messages, transactional, kill_after, broker.pid)
        again = start_again(broker)
        try:
            with KafkaUtils(bootstrap_servers=broker.bootstrap_servers) as reader:
                # what is committed shows soon, and what is left open after a quarter of
                # an hour
                upto: UpTo = "end" if account.text == ALL else "stable"
                return account, reader.read_arrow("t", upto=upto).num_rows
        finally:
            again.stop()


def warm_up(utils: KafkaUtils, transactional: bool) -> None:
    """Make the clients before the send begins, as in a test's second send."""
    utils.create_topics(["t", "first"])
    utils.send_messages("first", [("k", "v")], transactional=transactional)


def undisturbed(transactional: bool, messages: list[tuple[str, str]]) -> float:
    """The seconds of an undisturbed send."""
    with KafkaUtils(backend="embedded", broker_config=SETTINGS) as utils:
        warm_up(utils, transactional)
        begun = time.monotonic()
        utils.send_messages("t", messages, transactional=transactional)
        return time.monotonic() - begun


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.broker_deaths")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--whose", choices=["ours", "others"], default="others")
    parser.add_argument("--client", choices=["jvm", "kafka-python"])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    failures = 0
    for (client, size), count in COUNTS.items():
        if arguments.client not in (None, client):
            continue
        os.environ["SPARK_KAFKA_TESTKIT_CLIENT"] = client
        messages = [(str(number), "x" * size) for number in range(count)]
        for transactional in (False, True):
            whole = undisturbed(transactional, messages)
            title = f"{client}, {'transaction' if transactional else 'plain'}, {size} B"
            say(f"{title}: {count:,} messages, {whole:.1f} s undisturbed")
            good, slowest = 0, 0.0
            for _ in range(arguments.kills):
                kill_after = moments.uniform(0, whole)
                account, found = run(
                    arguments.whose, transactional, messages, kill_after
                )
                is_good = account.least <= found <= account.most
                is_good = is_good and account.seconds <= LIMIT_SECONDS
                good += is_good
                slowest = max(slowest, account.seconds)
                say(
                    f"  {'ok ' if is_good else 'BAD'} killed after {kill_after:.2f} s, "
                    f"told {account.seconds:.1f} s later, {found:,} found: "
                    f"{account.text}"
                )
            failures += arguments.kills - good
            say(f"{title}: {good} of {arguments.kills}, at most {slowest:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
