"""Both clients, and all waits, in tests that freeze time, as those of event time do."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import time_machine
from freezegun import freeze_time

from spark_kafka_testkit import KafkaUtils, _clock
from spark_kafka_testkit._jvm.process import wait_for_end
from spark_kafka_testkit.errors import WaitError

THEN = datetime(2020, 1, 1, tzinfo=timezone.utc)
FREEZES = pytest.mark.parametrize(
    "freeze",
    [
        lambda: freeze_time(THEN),
        lambda: time_machine.travel(THEN, tick=False),
    ],
    ids=["freezegun", "time-machine"],
)

Freeze = Callable[[], contextlib.AbstractContextManager[Any]]


@FREEZES
def test_records_go_in_and_out_in_frozen_time(
    utils: KafkaUtils, topic: str, freeze: Freeze
) -> None:
    """Topics come and go, waits end, and what does not come is reported in time."""
    with freeze():
        utils.create_topics([topic])
        mark = utils.mark(topic)
        utils.send_messages(topic, [("k", "v")])
        utils.send_messages(topic, [("k", "w")], transactional=True)
        assert utils.get_all_records(None, topic) == {"k": "w"}
        sent = utils.wait_for_records(topic, count=2, since=mark)
        assert min(record.timestamp or 0 for record in sent) > THEN.timestamp() * 1000
        utils.assert_eventually(lambda: utils.get_all_records(None, topic), {"k": "w"})
        with pytest.raises(WaitError, match=r"after 0\.2 s"):
            utils.wait_for_records(topic, count=9, since=mark, timeout=0.2)
        with pytest.raises(WaitError, match=r"after 0\.2 s"):
            utils.assert_eventually(lambda: 1, 2, timeout=0.2, interval=0.1)
        assert datetime.now(timezone.utc) == THEN  # for the test it stands still
        utils.delete_topics([topic])


@FREEZES
def test_a_producer_works_that_was_there_before_the_freeze(
    utils: KafkaUtils, topic: str, freeze: Freeze
) -> None:
    """kafka-python's threads do not see time jump."""
    utils.create_topics([topic])
    producer = utils.producer
    producer.send(topic, key="k", value="v").get(30)
    with freeze():
        producer.send(topic, key="k", value="w").get(30)
        producer.flush(30)
        assert utils.get_all_records(None, topic) == {"k": "w"}


@FREEZES
def test_the_clocks_of_the_kit_run_on(freeze: Freeze) -> None:
    """So do the system's own, and a process that stays is given up in time."""
    before = _clock.monotonic(), _clock.now()
    with freeze():
        threading.Event().wait(0.01)
        assert _clock.monotonic() > before[0]
        assert _clock.now() > before[1]
        command = [sys.executable, "-c", "input()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert not wait_for_end(process, 0.1)
            process.stdin.close()
            assert wait_for_end(process, 60)
