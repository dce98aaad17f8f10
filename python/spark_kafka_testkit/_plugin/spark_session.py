"""The Spark session of `kafka_spark`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit._jvm.java import names_archive
from spark_kafka_testkit._jvm.spark_jvm import (
    CONNECTOR_CLASS,
    SparkJvm,
    active_session,
    finds_class,
)
from spark_kafka_testkit._kept.reuse import choose_reuse
from spark_kafka_testkit._plugin import marker
from spark_kafka_testkit._progress import PATIENCE_SECONDS, saying
from spark_kafka_testkit._spark.attach import attach, new_session, start_jvm
from spark_kafka_testkit._spark.loopback import is_local
from spark_kafka_testkit._spark.session import OWN_CONF, session_settings, stop
from spark_kafka_testkit.errors import KafkaTestkitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["SparkStart"]

log = logging.getLogger("spark_kafka_testkit")

USERS_FIXTURES = ("spark", "spark_session")
OURS = ("kafka_utils", "kafka_spark", "kafka_spark_conf")
THREAD = "spark-kafka-testkit: Spark's JVM"


class SparkStart:
    """How the session of a run starts.

    Its JVM may be started ahead, while the broker starts. The session's settings are
    then fixed before the session exists.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._settings: dict[str, str] | None = None

    def begin(self, test: pytest.Item) -> None:
        """Start Spark's JVM in another thread, if the test is sure to need it.

        That is if it will have a session of the kit's, with the kit's settings, and a
        broker to wait for.
        """
        if self._settings is not None or not _is_sure(test):
            return
        if finds_class(CONNECTOR_CLASS) is not None:
            return  # a JVM is running
        try:
            self._settings = self._new_settings(OWN_CONF)
        except KafkaTestkitError:
            return  # the fixture reports it
        _start_beside(self._settings)

    def _new_settings(self, conf: Mapping[str, str]) -> dict[str, str]:
        return session_settings(conf, reuse=choose_reuse(self._keep or None))

    @contextmanager
    def session(
        self, request: pytest.FixtureRequest, conf: Mapping[str, str]
    ) -> Iterator[SparkSession]:
        """The user's session if there is one, with helper and connector added.

        It is the session of a fixture, or else one that is running. If there is none,
        the kit creates one and stops it at the end.
        """
        users = _of_fixture(request) or active_session()
        if users is not None:
            jvm = SparkJvm.of(users)
            if jvm is not None:  # Spark Connect works without it
                attach(users)
                _tell_what_it_lacks(jvm)
            yield users
            return
        if self._settings is None:
            settings = self._new_settings({**OWN_CONF, **conf})
        else:
            settings = self._settings
            _await_broker(request)
        _await_jvm(settings)
        own = new_session(settings)
        try:
            attach(own)  # options of PYSPARK_SUBMIT_ARGS may have hidden the jars
            yield own
        finally:
            stop(own)


def _tell_what_it_lacks(jvm: SparkJvm) -> None:
    master = jvm.session.conf.get("spark.master")
    if is_local(master or "") and not names_archive(jvm.options):
        log.info(
            "the session that kafka_spark uses was not made with the settings of "
            "KafkaUtils.spark_conf(). With "
            "SparkSession.builder.config(map=KafkaUtils.spark_conf()) its JVM would "
            "use a third of the CPU time before a first stream answers, once its "
            "class archive is recorded"
        )


def _is_sure(test: pytest.Item) -> bool:
    fixtures: Any = getattr(test.session, "_fixturemanager", None)  # no public way
    return (
        fixtures is not None
        and marker.uses_ours_alone(test, *OURS)
        and not any(fixtures.getfixturedefs(name, test) for name in USERS_FIXTURES)
    )


def _start_beside(settings: Mapping[str, str]) -> threading.Thread:
    """Start Spark's JVM in another thread, or wait there until it has started."""
    thread = threading.Thread(
        target=_start_quietly, args=[settings], name=THREAD, daemon=True
    )
    thread.start()
    return thread


def _await_jvm(settings: Mapping[str, str]) -> None:
    """Wait for Spark's JVM, and say so if that takes long.

    The wait is in this thread because capture lets no other one reach the terminal.
    """
    starting = _start_beside(settings)
    starting.join(PATIENCE_SECONDS)
    if starting.is_alive():
        saying("Starting Spark, which takes longest the first time")
        starting.join()


def _start_quietly(settings: Mapping[str, str]) -> None:
    try:
        start_jvm(settings)
    except Exception as error:  # noqa: BLE001  it recurs when the session is created
        log.debug("Spark's JVM did not start ahead of time: %s", error)


def _await_broker(request: pytest.FixtureRequest) -> None:
    """Start the broker first, whichever the test names first.

    The JVM starts beside it. Without a broker, the test itself is skipped or fails.
    """
    try:
        request.getfixturevalue("kafka_utils")
    except (pytest.skip.Exception, pytest.fail.Exception) as outcome:
        log.debug("no broker: %s", outcome)


def _of_fixture(request: pytest.FixtureRequest) -> Any:
    for name in USERS_FIXTURES:
        try:
            return request.getfixturevalue(name)
        except pytest.FixtureLookupError as error:
            if error.argname != name:  # it exists, and requests something that does not
                raise
        except pytest.fail.Exception as error:
            if not str(error).startswith("ScopeMismatch"):
                raise
            pytest.fail(
                f"The fixture {name!r} must have the scope 'session', because "
                "kafka_spark uses its Spark session. Or define your own fixture "
                f"kafka_spark that returns it, with KafkaUtils.attach({name}).",
                pytrace=False,
            )
    return None
