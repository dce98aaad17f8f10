"""Ports are found whatever range the system keeps for connections."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from pathlib import Path

import pytest

from spark_kafka_testkit._brokers import ports as _ports
from spark_kafka_testkit._brokers.ports import ephemeral_ports, free_ports
from tests.systems import refusing, run_python

PORTS = """
    from spark_kafka_testkit._brokers.ports import free_ports
    from spark_kafka_testkit.errors import BrokerStartError
    try:
        print(*free_ports(3))
    except BrokerStartError as error:
        print(error)
"""


def set_range(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    file = tmp_path / "ip_local_port_range"
    file.write_text(text)
    monkeypatch.setattr(_ports, "RANGE_FILE", file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32768\t60999\n", range(16384, 32768)),
        ("40000 60999", range(16384, 32768)),
        ("1030 60999", range(1025, 65536)),  # five below, which others may have
        ("1024 60999", range(61000, 65536)),
        ("1 60999", range(61000, 65536)),
        ("1024 65535", range(1025, 65536)),
        ("1025 65535", range(1025, 65536)),
        ("no range", range(16384, 32768)),
        ("32768", range(16384, 32768)),
    ],
)
def test_ports_are_found_beside_any_range(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, expected: range
) -> None:
    """They lie below it, else above it, else in it: the choice never fails."""
    set_range(monkeypatch, tmp_path, text)
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert set(ports) <= set(expected)


def test_the_ephemeral_range_is_the_systems() -> None:
    """Linux tells it; elsewhere its default is taken."""
    if _ports.RANGE_FILE.exists():
        assert [ephemeral_ports().start, ephemeral_ports().stop - 1] == [
            int(number) for number in _ports.RANGE_FILE.read_text().split()
        ]
    else:
        assert ephemeral_ports() == range(32768, 61000)


def test_ports_are_found_where_the_range_is_all_there_is() -> None:
    """Containers are set up so: in a network of their own, from 1024 to 65535."""
    own_network = ("unshare", "--net", "--map-root-user")
    setting = "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range"
    try:
        subprocess.run([*own_network, "sh", "-c", setting], check=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network of our own: {error}")
    done = run_python(
        PORTS, None, *own_network, "sh", "-c", f'{setting}; exec "$@"', "_"
    )
    assert re.fullmatch(r"\d+ \d+ \d+\n", done.stdout)


@pytest.mark.parametrize(("call", "tried"), [("bind", 768), ("socket", 768)])
def test_a_sandbox_that_forbids_to_listen_is_reported(
    tmp_path: Path, call: str, tried: int
) -> None:
    """The error has the system's words, and comes after a bounded number of tries."""
    done = run_python(PORTS, refusing(call, "EPERM", tmp_path))
    reason = f"[Errno {errno.EPERM}] {os.strerror(errno.EPERM)}"
    assert re.sub(r"\d+: \[", "PORT: [", done.stdout) == (
        f"No free port was found on 127.0.0.1: {tried} were tried, the last, PORT: "
        f"{reason}. Let this process listen on 127.0.0.1, or use a broker that runs "
        "elsewhere (bootstrap_servers=...).\n"
    )
