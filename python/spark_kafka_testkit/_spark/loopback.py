"""Put the kit's sessions on loopback.

A local session must start even if the host name does not resolve, or only to an address
of a VPN that is off.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = [
    "HOST_VARIABLES",
    "can_listen_at_own_name",
    "driver_settings",
    "is_local",
    "local_host_name",
    "may_be_local",
]

HOST_SETTINGS = ("spark.driver.host", "spark.driver.bindAddress")
HOST_VARIABLES = ("SPARK_LOCAL_HOSTNAME", "SPARK_LOCAL_IP")


def driver_settings(conf: Mapping[str, str]) -> dict[str, str]:
    """The settings that bind the driver of a local session to loopback.

    Empty if the user has said where it should listen. If the master is not known here,
    only machines that can't listen at the address of their own name get them, because
    no driver would start there.
    """
    if _is_chosen(conf):
        return {}
    master = conf.get("spark.master")
    if master is None:
        is_wanted = "spark.remote" not in conf and not can_listen_at_own_name()
    else:
        is_wanted = is_local(master)
    return dict.fromkeys(HOST_SETTINGS, "127.0.0.1") if is_wanted else {}


@contextmanager
def local_host_name(conf: Mapping[str, str]) -> Iterator[None]:
    """Make a JVM of Spark that starts in this block use `localhost` as the host name.

    Spark looks its own name up before it reads any setting.
    """
    if not is_local(conf.get("spark.master", "")) or _is_chosen({}):
        yield
        return
    name = HOST_VARIABLES[0]
    os.environ[name] = "localhost"
    try:
        yield
    finally:
        os.environ.pop(name, None)  # two sessions may start side by side


def _is_chosen(conf: Mapping[str, str]) -> bool:
    return any(name in conf for name in HOST_SETTINGS) or any(
        os.environ.get(name) for name in HOST_VARIABLES
    )


def is_local(master: str) -> bool:
    """Whether Spark runs in one JVM with this master."""
    return re.match(r"local(\[|$)", master) is not None


def may_be_local(conf: Mapping[str, str]) -> bool:
    """Whether these are, or may still become, the settings of a local session.

    The builder may still name a master that is not among them.
    """
    master = conf.get("spark.master")
    return "spark.remote" not in conf if master is None else is_local(master)


def can_listen_at_own_name() -> bool:
    """Whether this machine's name resolves to one of its addresses."""
    try:
        address = socket.gethostbyname(socket.gethostname())
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
