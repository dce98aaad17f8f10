"""`setup()` and `teardown()`, whoever calls them, and what becomes of the broker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import BrokerEndedError, NotSetUpError
from spark_kafka_testkit.kafka_utils import cluster_of
from tests.processes import wait_until
from tests.systems import run_python


@pytest.fixture
def utils(kafka: KafkaUtils) -> Iterator[KafkaUtils]:
    """One of the test's own, on the run's broker."""
    own = KafkaUtils(bootstrap_servers=kafka.broker)
    yield own
    own.teardown()


def is_up(utils: KafkaUtils) -> bool:
    return utils.initialized


def test_the_outermost_with_ends_it(utils: KafkaUtils) -> None:
    """A helper that a test calls may have a `with` of its own."""
    with utils:
        with utils as same:
            assert same is utils
        assert is_up(utils)
        with utils:
            pass
    assert not is_up(utils)
    with utils:
        assert is_up(utils)
    assert not is_up(utils)


def test_a_teardown_in_a_with_ends_it_at_once(utils: KafkaUtils) -> None:
    """The blocks around it have nothing left to end."""
    with utils, utils:
        utils.teardown()
        assert not is_up(utils)
    with utils:
        assert is_up(utils)
    assert not is_up(utils)


def test_a_broker_that_was_killed_is_told_and_followed_by_another() -> None:
    """`initialized` is what is true, each call says what has happened, and `setup()`
    starts another.
    """
    kafka = KafkaUtils(backend="embedded")
    try:
        kafka.setup()
        kafka.create_topics(["t"])
        broker = cluster_of(kafka).broker
        pid = broker.pid  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: bool(broker.ended), "the broker does not end")
        assert not is_up(kafka)
        with pytest.raises(BrokerEndedError) as caught:
            kafka.send_messages("t", [("k", "v")])
        error = caught.value
        assert error.broker == broker.describe()
        assert error.how == f"its process (pid {pid}) ended with exit code -9"
        assert str(error) == (
            f"The broker is gone ({error.broker}): {error.how}. Call setup() to get "
            "another one, without its topics.\n"
            "The end of its log:\n"
            f"{error.log}"
        )
        kafka.setup()
        assert is_up(kafka)
        kafka.send_messages("t", [("k", "v")])
        assert kafka.get_all_records(None, "t") == {"k": "v"}
    finally:
        kafka.teardown()
    assert not is_up(kafka)


def test_a_child_of_a_fork_ends_while_a_thread_of_its_parent_is_in_a_call(
    utils: KafkaUtils,
) -> None:
    """The thread holds the object's lock, and the child has no such thread: neither
    `teardown()`, which runs at the child's exit, nor `setup()` may wait for it.
    """
    utils.setup()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with utils._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            utils.teardown()
            try:
                _ = utils.broker
            except NotSetUpError:
                utils.setup()
                utils.teardown()
                status = 0
        finally:
            os._exit(status)
    done.set()
    thread.join()
    deadline = time.monotonic() + 120
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)


def test_topics_are_deleted_at_an_exit_that_allows_no_thread(
    kafka: KafkaUtils, topic: str
) -> None:
    """As in Python 3.12, whose exit hooks can start none."""
    done = run_python(
        f"""
        import atexit
        import threading
        from spark_kafka_testkit import KafkaUtils

        def refuse(thread):
            raise RuntimeError("can't create new thread at interpreter shutdown")

        utils = KafkaUtils(bootstrap_servers={kafka.broker!r})
        utils.setup()
        utils.create_topics([{topic!r}])
        atexit.register(setattr, threading.Thread, "start", refuse)
        """
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert topic not in kafka.admin_client.list_topics()


def test_an_interrupted_setup_can_be_begun_again(kafka: KafkaUtils) -> None:
    """Python's own lock for imports is not lost, which an import may keep that is
    interrupted while it waits for another thread's.
    """
    done = run_python(
        f"""
        import os, signal, sys, threading, time, traceback
        from spark_kafka_testkit import KafkaUtils

        interrupted = threading.Event()
        main = threading.main_thread()

        def is_main_waiting():
            # for this import, and not for something else that setup() needs
            frame, names = sys._current_frames()[main.ident], set()
            while frame is not None:
                names.add(frame.f_code.co_name)
                frame = frame.f_back
            return "_await_preloaded" in names

        def interrupt_at_import(event, args):
            if event != "exec" or threading.current_thread() is main:
                return
            if args[0].co_filename.endswith("kafka/__init__.py"):
                while not is_main_waiting():
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)
                interrupted.wait()

        sys.addaudithook(interrupt_at_import)
        kafka = KafkaUtils(bootstrap_servers={kafka.broker!r})
        try:
            kafka.setup()
        except KeyboardInterrupt as error:
            where = traceback.extract_tb(error.__traceback__)
            assert not any("importlib" in frame.filename for frame in where), where
        else:
            raise AssertionError("not interrupted")
        assert not kafka.initialized
        interrupted.set()
        with kafka:
            kafka.admin_client.list_topics()
        """
    )
    assert (done.returncode, done.stdout) == (0, "")
