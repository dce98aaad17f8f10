"""Where Spark's driver listens when the kit has a say in it."""

from __future__ import annotations

import os
import socket

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._spark.loopback import (
    HOST_SETTINGS,
    HOST_VARIABLES,
    local_host_name,
)

LOOPBACK = dict.fromkeys(HOST_SETTINGS, "127.0.0.1")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own environment is of no concern."""
    for name in HOST_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def host_settings(**conf: str) -> dict[str, str]:
    settings = KafkaUtils.spark_conf({f"spark.{k}": v for k, v in conf.items()})
    return {name: settings[name] for name in HOST_SETTINGS if name in settings}


def named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: address)


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]"])
def test_a_local_session_listens_on_loopback(master: str) -> None:
    """Nobody else has to reach it."""
    assert host_settings(master=master) == LOOPBACK


def test_the_users_choice_of_a_host_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the settings or in the environment; a cluster must reach its driver."""
    assert host_settings(master="yarn") == {}
    assert host_settings(master="local-cluster[2,1,1024]") == {}
    own = {"driver.host": "192.0.2.1"}
    assert host_settings(master="local", **own) == {"spark.driver.host": "192.0.2.1"}
    monkeypatch.setenv("SPARK_LOCAL_IP", "192.0.2.1")
    assert host_settings(master="local") == {}


def test_without_a_master_a_machine_that_can_not_listen_at_its_name_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """192.0.2.77 stands for the address of a VPN that is off."""
    named(monkeypatch, "127.0.0.1")
    assert host_settings() == {}
    named(monkeypatch, "192.0.2.77")
    assert host_settings() == LOOPBACK
    named(monkeypatch, "nowhere.invalid")
    assert host_settings() == LOOPBACK


def test_the_environment_is_as_it_was_once_the_session_is_there() -> None:
    """Spark takes its host's name from there alone."""
    name = HOST_VARIABLES[0]
    with local_host_name({"spark.master": "local[2]"}):
        assert os.environ[name] == "localhost"
    assert name not in os.environ
    with local_host_name({"spark.master": "yarn"}):
        assert name not in os.environ
